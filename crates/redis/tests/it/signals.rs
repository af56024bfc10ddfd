//! Pub/sub.

use redis::{Redis, Signal};
use testkit::Rig;

#[tokio::test]
async fn a_signal_reaches_its_channel_of_its_database_and_no_other() {
    let (rig, other) = tokio::join!(Rig::start(), Rig::start());
    let mut news = rig.redis().subscribe("news").await.unwrap();
    let mut again = rig.redis().subscribe("news").await.unwrap();
    let mut weather = rig.redis().subscribe("weather").await.unwrap();
    other.redis().publish("news", "foreign").await.unwrap();
    rig.redis().publish("news", "one").await.unwrap();
    rig.redis().publish("weather", "rain").await.unwrap();
    rig.redis().publish("news", "two").await.unwrap();
    for word in ["one", "two"] {
        assert_eq!(news.next().await, Some(Signal::Message(word.into())));
        assert_eq!(again.next().await, Some(Signal::Message(word.into())));
    }
    assert_eq!(weather.next().await, Some(Signal::Message("rain".into())));
}

#[tokio::test]
async fn a_subscription_survives_a_cut_connection_and_says_that_something_may_be_missing() {
    let rig = Rig::start().await;
    let redis = Redis::connect(rig.config().redis.url.expose())
        .await
        .unwrap();
    let mut news = redis.subscribe("news").await.unwrap();
    redis.cut().await.unwrap();
    assert_eq!(news.next().await, Some(Signal::Gap));
    // Subscribing again follows the reconnect; until then nobody hears.
    let heard = async {
        loop {
            if let Some(Signal::Message(word)) = news.next().await {
                return word;
            }
        }
    };
    let speak = async {
        loop {
            let _lost = rig.redis().publish("news", "again").await;
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        word = heard => assert_eq!(word, "again"),
        () = speak => {}
        () = tokio::time::sleep(testkit::LONGEST) => panic!("nothing is heard"),
    }
}
