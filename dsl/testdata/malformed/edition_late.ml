model M() { // ERROR "ML0015"
}
edition 1 // ERROR "ML0001"
