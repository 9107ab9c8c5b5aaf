edition 1
@3 model M() { // ERROR "ML0001"
}
