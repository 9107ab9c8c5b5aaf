edition 1
model M(3) { // ERROR "ML0001"
}
