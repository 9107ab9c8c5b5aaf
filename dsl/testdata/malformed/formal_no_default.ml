edition 1
model M(a = ) { // ERROR "ML0019"
}
