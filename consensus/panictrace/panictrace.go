// Package panictrace says where a panic came from, for logs.
//
// The runtime's own trace (debug.Stack) has the arguments of every function on the stack,
// as words. A key or a share that is handed on by value would be among them, and a log goes
// to places that no secret may go to. Here it is names, files and lines, and nothing else.
package panictrace

import (
	"fmt"
	"runtime"
	"strings"
)

// maxFrames bounds the trace: of a recursion that goes on the first frames tell enough.
const maxFrames = 64

// Frames returns a line for every function on the stack of the goroutine that calls it, the
// innermost first, without itself.
func Frames() string {
	pcs := make([]uintptr, maxFrames)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	var b strings.Builder
	for {
		f, more := frames.Next()
		if f.Function != "" {
			fmt.Fprintf(&b, "%s %s:%d\n", f.Function, f.File, f.Line)
		}
		if !more {
			return b.String()
		}
	}
}
