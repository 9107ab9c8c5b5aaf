edition 1
modle M() { // ERROR "ML0001.*modle"
}
