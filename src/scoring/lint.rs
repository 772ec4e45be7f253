//! What is weak in a scorecard. (To come.)
