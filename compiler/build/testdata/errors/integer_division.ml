edition 1

model M() {
    input n int32[batch]
    output n / 2 // ERROR "would have to round.*floor_divide"
}
