package panictrace_test

import (
	"runtime/debug"
	"strings"
	"testing"

	"github.com/weirdata/weir/consensus/panictrace"
)

//go:noinline
func fails(key [32]byte) {
	if key[9] == 7 {
		panic("no reason")
	}
}

// Where the panic was is told, and what the functions were given is not. That the runtime
// tells it is what this package is for.
func TestTraceNamesFunctionsAndNoArguments(t *testing.T) {
	var ours, runtimes string
	func() {
		defer func() {
			if recover() == nil {
				t.Fatal("no panic")
			}
			ours, runtimes = panictrace.Frames(), string(debug.Stack())
		}()
		var key [32]byte
		for i := range key {
			key[i] = 7
		}
		fails(key)
	}()
	if !strings.Contains(runtimes, "0x7, 0x7, 0x7") {
		t.Errorf("the runtime's trace has no arguments; this test shows nothing:\n%s", runtimes)
	}
	if !strings.Contains(ours, "panictrace_test.fails") || !strings.Contains(ours, "panictrace_test.go:") {
		t.Errorf("the trace does not say where the panic was:\n%s", ours)
	}
	if strings.Contains(ours, "0x") {
		t.Errorf("the trace has arguments:\n%s", ours)
	}
}
