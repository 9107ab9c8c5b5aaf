edition 1
func f(x) { x } // ERROR "ML0001"
