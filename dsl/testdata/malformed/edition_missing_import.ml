import "a.ml" // ERROR "ML0015"
