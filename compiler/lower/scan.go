package lower

import "github.com/mlc-go/mlc/compiler/loop"

func (b *body) emitScan(g *group) []loop.Step { return nil }
