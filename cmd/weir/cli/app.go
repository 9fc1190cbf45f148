package cli

import (
	"fmt"
	"io"
	"sync/atomic"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/catalog/shown"
)

// App is what the commands share: the three streams and the global flags.
type App struct {
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer

	Output  Format
	Printed bool // a JSON document was

	addr    string
	key     string
	dir     string
	as      string
	profile string
	state   atomic.Pointer[string] // see IfInterrupted
	notes   atomic.Int64           // that were written
}

// Flags adds the global flags to root.
func (a *App) Flags(root *cobra.Command) {
	a.Output = Table
	flags := root.PersistentFlags()
	flags.StringVar(&a.dir, "dir", "", "`directory` of a cluster that weir dev runs: its address and keys (or WEIR_DIR)")
	flags.StringVar(&a.addr, "addr", "", "node to ask first, as `https://HOST:PORT` (or WEIR_ADDR)")
	flags.StringVar(&a.profile, "profile", "", "`file` that pins the cluster, such as D/ready.json (or WEIR_PROFILE)")
	flags.StringVar(&a.key, "key", "", "key `file` made by weir keygen (or WEIR_KEY)")
	flags.StringVar(&a.as, "as", "", "`whose` key under --dir to use: bureau, buyer or operator")
	flags.VarP(&a.Output, "output", "o", "how to print results: table, json or csv; figures also parquet or xlsx")
	CompleteWords(root, "as", string(Bureau), string(Buyer), string(Operator))
	CompleteWords(root, "output", string(Table), string(JSON), string(CSV), string(Parquet), string(Workbook))
}

// NoteEach is Note of a list, each in the format.
func (a *App) NoteEach(format string, list []string) {
	for _, one := range list {
		a.Note(format, one)
	}
}

// Note tells the person at the terminal something that is not a result. Whatever of it
// others wrote cannot move the cursor or turn the line.
func (a *App) Note(format string, args ...any) {
	a.notes.Add(1)
	fmt.Fprintf(a.Stderr, "weir: %s\n", shown.Lines(ShortenIDs(fmt.Sprintf(format, args...))[0])) //nolint:errcheck // there is nowhere left to say so
}
