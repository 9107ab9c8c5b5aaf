edition 1
// À¯ // ERROR "ML0006"
