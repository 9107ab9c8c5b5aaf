package codegen

func (g *gen) printTests() {}
