package main

import (
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/weirdata/weir/node"
)

// transplant writes a founding with the signatures of another one: transplant SIGNED FOUNDING TO.
func transplant(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: transplant SIGNED FOUNDING TO")
	}
	signed, err := node.ReadDraft(ts.MkAbs(args[0]))
	ts.Check(err)
	g, err := node.ReadDraft(ts.MkAbs(args[1]))
	ts.Check(err)
	g.Signatures = signed.Signatures
	ts.Check(g.WriteFile(ts.MkAbs(args[2])))
}
