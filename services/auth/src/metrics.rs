//! The auth service's metrics, by name.

use std::time::Duration;

/// An account was made (OB-3).
pub(crate) fn registered() {
    metrics::counter!("sf_user_registrations_total").increment(1);
}

/// Somebody signed in, or was refused after a right code: `ok`, `repeated` by its idempotency key, `disabled`.
pub(crate) fn login(outcome: &'static str) {
    metrics::counter!("sf_logins_total", "outcome" => outcome).increment(1);
}

/// A code was made and its mail queued.
pub(crate) fn otp_sent() {
    metrics::counter!("sf_otp_sent_total").increment(1);
}

/// A code was refused: `wrong`, `unknown`, `limited`. The reason is told here only (AU-5).
pub(crate) fn otp_failed(reason: &'static str) {
    metrics::counter!("sf_otp_failed_total", "reason" => reason).increment(1);
}

/// A refresh token was presented: `rotated`, `repeated`, `reused`, `refused`.
pub(crate) fn refresh(outcome: &'static str) {
    metrics::counter!("sf_refresh_total", "outcome" => outcome).increment(1);
    if outcome == "reused" {
        metrics::counter!("sf_refresh_reuse_total").increment(1);
    }
}

/// How many sessions are live.
pub(crate) fn sessions_active(count: u64) {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    metrics::gauge!("sf_sessions_active").set(f64::from(count));
}

/// How many accounts were active within the last day and the last 30 days (OB-2).
pub(crate) fn users_active((day, month): (i64, i64)) {
    for (window, count) in [("1d", day), ("30d", month)] {
        metrics::gauge!("sf_active_users", "window" => window).set(count as f64);
    }
}

/// A mail left the queue: `delivered`, `refused`, `expired`, after this time in it.
pub(crate) fn mail(outcome: &'static str, waited: Duration) {
    metrics::histogram!("sf_mail_delivery_seconds", "outcome" => outcome)
        .record(waited.as_secs_f64());
}
