//! What is counted, and what it is set beside.

use std::hint::black_box;

use crate::callgrind;

/// Calls before counting begins: whatever is made once is made then.
pub(crate) const WARM: usize = 20;

/// Calls that are counted.
pub(crate) const CALLS: u64 = 200;

/// What is counted.
pub(crate) type Call = Box<dyn FnMut()>;

/// Something whose instructions are counted.
pub(crate) struct Case {
    /// Its name in the baseline.
    pub(crate) name: String,
    /// The case it is set beside, and at most how many times as much it may cost.
    yardstick: Option<(String, f64)>,
    /// Makes the call to be counted.
    prepare: Box<dyn Fn() -> anyhow::Result<Call>>,
}

impl Case {
    /// A case that is set beside nothing.
    pub(crate) fn of(
        name: impl Into<String>,
        prepare: impl Fn() -> anyhow::Result<Call> + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            yardstick: None,
            prepare: Box::new(prepare),
        }
    }

    /// The same, set beside another case.
    pub(crate) fn at_most(self, times: f64, yardstick: &Self) -> Self {
        Self {
            yardstick: Some((yardstick.name.clone(), times)),
            ..self
        }
    }

    /// Calls it: warm first, then counted.
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let mut call = (self.prepare)()?;
        (0..WARM).for_each(|_| call());
        counted_calls(&mut *call);
        Ok(())
    }
}

/// Callgrind counts while this function runs, and only then.
#[inline(never)]
fn counted_calls(call: &mut dyn FnMut()) {
    for _ in 0..CALLS {
        black_box(&mut *call)();
    }
}

/// A case with its instructions per call.
#[derive(Debug)]
pub(crate) struct Counted {
    pub(crate) name: String,
    pub(crate) yardstick: Option<(String, f64)>,
    pub(crate) instructions: u64,
}

impl Counted {
    /// Counts a case.
    pub(crate) fn of(case: &Case) -> anyhow::Result<Self> {
        Ok(Self {
            name: case.name.clone(),
            yardstick: case.yardstick.clone(),
            instructions: callgrind::count(&case.name, "*counted_calls*")? / CALLS,
        })
    }
}
