edition 1
func f(x) // ERROR "ML0001"
