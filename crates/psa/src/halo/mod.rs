//! HaloPSA behind the neutral trait.
