edition 1
model M(a: 3) { // ERROR "ML0020"
}
