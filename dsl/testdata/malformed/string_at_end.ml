edition 1
import "a // ERROR 'ML0004'