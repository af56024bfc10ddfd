//! Whom each bucket counts, and what counting costs.

use identity::Role;
use redis::{Arg, Script};
use testkit::Rig;
use uuid::Uuid;

use super::*;

/// The buckets a request counts in, with whom, as they stand in Redis; `None` for the caller means no token.
fn keys(method: &Method, caller: Option<&Caller>, named: &[&str]) -> Vec<String> {
    let table = table::table(&std::collections::BTreeMap::new()).unwrap();
    let ip = [203, 0, 113, 9].into();
    let subjects = Subjects {
        method,
        ip,
        caller,
        named,
    };
    let charges = charges(&table, subjects, |_| 1);
    charges.iter().map(|it| it.key.to_string()).collect()
}

#[test]
fn gw_4_every_bucket_of_the_table_counts_whom_it_says() {
    let caller = Caller {
        account_id: Uuid::from_u128(1),
        profile_id: Uuid::from_u128(2),
        session_id: Uuid::from_u128(3),
        role: Role::User,
    };
    let (ip, account, profile) = ("203.0.113.9", caller.account_id, caller.profile_id);
    let with = |method, named: &str| keys(method, Some(&caller), &[named]).split_off(2);
    let without = |method, named: &str| keys(method, None, &[named]).split_off(1);
    let write = format!("rl:write:{account}");
    assert_eq!(
        keys(&Method::GET, Some(&caller), &[]),
        [format!("rl:ip:{ip}"), format!("rl:account:{account}")]
    );
    assert_eq!(
        keys(&Method::HEAD, None, &[]),
        [format!("rl:ip:{ip}"), format!("rl:anon-read:{ip}")]
    );
    assert_eq!(keys(&Method::POST, None, &[]), [format!("rl:ip:{ip}")]);
    // Those of the token need one; a route that has them refuses who has none.
    for (name, key) in [
        ("upload", format!("rl:upload:{account}")),
        ("connect", format!("rl:connect:{profile}")),
        ("report", format!("rl:report:{account}")),
        ("export", format!("rl:export:{account}")),
    ] {
        assert_eq!(with(&Method::POST, name), [write.clone(), key], "{name}");
        assert!(without(&Method::POST, name).is_empty(), "{name}");
    }
    assert_eq!(
        with(&Method::GET, "search"),
        [format!("rl:search:{account}")]
    );
    assert_eq!(
        without(&Method::GET, "search")[1..],
        [format!("rl:search-anonymous:{ip}")]
    );
    assert_eq!(without(&Method::POST, "auth"), [format!("rl:auth:{ip}")]);
    assert!(with(&Method::GET, "auth").is_empty());
    for name in ["otp-send", "socket-open"] {
        let key = format!("rl:{name}:{ip}");
        assert_eq!(without(&Method::POST, name), with(&Method::GET, name));
        assert_eq!(with(&Method::GET, name), [key]);
    }
    assert_eq!(
        without(&Method::POST, "otp-verify"),
        [
            format!("rl:otp-verify:{ip}"),
            format!("rl:otp-verify-wrong:{ip}")
        ]
    );
}

/// The script with its commands counted: its reply has their number behind it.
static COUNTED: Script = Script::new(concat!(
    "local commands, real = 0, redis
     local redis = { call = function(...) commands = commands + 1; return real.call(...) end }
     local function window()\n",
    include_str!("window.lua"),
    "\nend
     local reply = window()
     reply[#reply + 1] = commands
     return reply"
));

/// Counts once in windows of this many milliseconds a slot; returns whether it was admitted, and the commands that took.
async fn count(rig: &Rig, keys: &[&str], limit: i64, slot: i64) -> (bool, i64) {
    let numbers = count_all(rig, &[keys], limit, slot).await;
    (numbers[0] == 1, numbers[numbers.len() - 1])
}

/// Counts requests with these windows once each, in one call, and returns all that says.
async fn count_all(rig: &Rig, requests: &[&[&str]], limit: i64, slot: i64) -> Vec<i64> {
    let args: Vec<Arg> = requests
        .iter()
        .flat_map(|keys| {
            let count = i64::try_from(keys.len()).unwrap();
            let windows = keys.iter().flat_map(|_| [limit, slot, 1]);
            [count].into_iter().chain(windows).map(Arg::from)
        })
        .collect();
    let reply = rig.redis().eval(&COUNTED, &requests.concat(), &args).await;
    let numbers = reply.unwrap().many().unwrap();
    numbers.iter().map(|it| it.int().unwrap()).collect()
}

#[tokio::test]
async fn gw_3_a_call_costs_one_command_and_two_for_each_window_however_full_it_is() {
    let rig = Rig::start().await;
    let keys = ["rl:test:a", "rl:test:b", "rl:test:c"];
    // Slots of a day, so that all of this is in one.
    const DAY: i64 = 24 * 3600 * 1000;
    assert_eq!(
        count(&rig, &keys, 50, DAY).await,
        (true, 1 + 3 * 3),
        "the first of a slot"
    );
    for _ in 1..50 {
        assert_eq!(count(&rig, &keys, 50, DAY).await, (true, 1 + 3 * 2));
    }
    assert_eq!(
        count(&rig, &keys, 50, DAY).await,
        (false, 1 + 3),
        "a refusal only looks"
    );
}

#[tokio::test]
async fn gw_4_requests_in_one_call_count_one_after_the_other_each_in_all_its_windows_or_in_none() {
    let rig = Rig::start().await;
    const DAY: i64 = 24 * 3600 * 1000;
    let (both, one) = (["rl:test:a", "rl:test:b"], ["rl:test:b"]);
    let numbers = count_all(&rig, &[&one, &both, &both, &one, &both[..1]], 2, DAY).await;
    let without_times = [
        vec![numbers[0], numbers[1]],
        vec![numbers[3], numbers[4], numbers[6]],
        vec![numbers[8], numbers[9], numbers[11]],
        vec![numbers[13], numbers[14]],
        vec![numbers[16], numbers[17]],
    ];
    assert_eq!(
        without_times,
        [
            vec![1, 1],
            vec![1, 1, 2],
            vec![0, 1, 2],
            vec![0, 2],
            vec![1, 2],
        ]
    );
    assert!([2, 5, 7, 10, 12, 15, 18].iter().all(|&it| numbers[it] > 0));
    assert_eq!(numbers[19..], [1 + 2 * 3], "commands for all of them");
    // What was counted in one call is there for the next.
    assert_eq!(count(&rig, &["rl:test:a"], 2, DAY).await, (false, 1 + 1));
    assert_eq!(count(&rig, &["rl:test:a"], 3, DAY).await, (true, 1 + 2));
}

#[tokio::test]
async fn gw_3_slots_that_leave_cost_two_commands_however_many_they_are() {
    let rig = Rig::start().await;
    let began = Instant::now();
    // Slots of a millisecond: some leave at almost every call.
    while began.elapsed() < Duration::from_millis(300) {
        let (_, commands) = count(&rig, &["rl:test:a"], 1_000_000, 1).await;
        assert!(commands <= 1 + 2 + 1 + 2, "{commands}");
    }
}
