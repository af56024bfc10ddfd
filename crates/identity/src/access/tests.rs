//! Forged, odd and honest tokens.
