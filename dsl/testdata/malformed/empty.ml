// ERROR "ML0014.*empty"
