edition 1
func f = 1 // ERROR "ML0001"
