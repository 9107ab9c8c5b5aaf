edition 1
model M() { assert x, "â‚" } // ERROR "ML0006"
