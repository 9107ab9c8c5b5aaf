edition 1
model M(a = 1 { // ERROR "ML0002"
}
