model M() {} // ERROR "ML0015"
