edition 1
model M(a = 1 b = 2) { // ERROR "ML0001.*`b`"
}
