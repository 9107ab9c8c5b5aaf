edition 1
model M() // ERROR "ML0001.*end"
