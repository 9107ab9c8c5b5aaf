edition 1
// í € // ERROR "ML0006"
