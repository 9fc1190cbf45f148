package buyer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/shown"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/portfolio"
	"github.com/weirdata/weir/node/client/vector"
	"github.com/weirdata/weir/node/desk/route"
)

const (
	// maxListFile is the most bytes of a portfolio's file: a registry's ids and weights are fewer.
	maxListFile = 16 << 20
	// maxListBody is a body with such a file, in base64.
	maxListBody = maxListFile/3*4 + 64<<10
	// maxFileName is the most bytes of a file's name.
	maxFileName = 200
)

// ListFile is a portfolio's file and how it is read: as weir portfolio register with the flags of these names.
type ListFile struct {
	Name     string   `json:"name"` // of the portfolio
	Registry string   `json:"registry"`
	File     string   `json:"file"`  // its name: the ending tells what it is
	Bytes    []byte   `json:"bytes"` // in base64
	IDColumn string   `json:"id_column,omitempty"`
	Weights  string   `json:"weights,omitempty"`
	Bits     int      `json:"bits,omitempty"`
	Decimals int      `json:"decimals,omitempty"`
	Within   string   `json:"within,omitempty"`
	Bound    string   `json:"bound,omitempty"`
	Pieces   string   `json:"pieces,omitempty"`
	By       []string `json:"by,omitempty"`
	For      string   `json:"for,omitempty"`
	Contract string   `json:"contract,omitempty"`
	// IgnoreUnknown goes on without the ids that the registry does not have; Anew makes the next version of a file that is
	// registered as it is.
	IgnoreUnknown bool `json:"ignore_unknown,omitempty"`
	Anew          bool `json:"anew,omitempty"`
}

// options are how the portfolio is registered, or what is wrong with the fields.
func (f ListFile) options() (portfolio.Options, error) {
	if !catalog.IsName(f.Name) {
		return portfolio.Options{}, route.BadField("name", fmt.Sprintf("%.40q is no name of a portfolio", f.Name), "want a letter, then letters, digits and _, all lower case")
	}
	file, err := dropped(f.File, f.Bytes, "drop a file that lists an entity in a row", "use `weir portfolio register` in a terminal")
	if err != nil {
		return portfolio.Options{}, err
	}
	o := portfolio.Options{
		Name: f.Name, Registry: f.Registry, For: f.For, Query: ask.Options{Contract: f.Contract},
		File: portfolio.File{
			Data: file, IDColumn: f.IDColumn, Weights: f.Weights, Bits: f.Bits, Decimals: f.Decimals, Within: f.Within, Bound: f.Bound, Pieces: f.Pieces, By: f.By,
			IgnoreUnknown: f.IgnoreUnknown,
		},
	}
	return o, portfolioProblem(o.Check())
}

// dropped is a file that came over the API, which must have something in it, or what is wrong with it.
func dropped(file string, content []byte, something, larger string) (panel.File, error) {
	name := path.Base(filepath.ToSlash(file))
	switch {
	case len(content) == 0:
		return panel.File{}, route.BadField("bytes", "the file is empty", something)
	case len(content) > maxListFile:
		return panel.File{}, route.BadField("bytes", fmt.Sprintf("the file is larger than %d MB", maxListFile>>20), larger)
	case name == "." || name == "/" || name != shown.Text(name) || len(name) > maxFileName:
		return panel.File{}, route.BadField("file", "the file's name cannot be read", fmt.Sprintf("call it by letters, digits and signs, at most %d bytes", maxFileName))
	}
	return panel.File{Name: name, Size: int64(len(content)), Open: func() (io.ReadCloser, error) { return memoryFile{bytes.NewReader(content)}, nil }}, nil
}

// memoryFile is a file in memory, which can be read from its end, as workbooks are.
type memoryFile struct{ *bytes.Reader }

// Close implements io.Closer.
func (memoryFile) Close() error { return nil }

// portfolioProblem is what was wrong with a portfolio, in words for its form; nil: nothing was.
func portfolioProblem(err error) error {
	if err == nil {
		return nil
	}
	if wrong, is := errors.AsType[*portfolio.OptionError](err); is {
		return route.BadField(wrong.Field, wrong.Error(), "mend the fields that it names")
	}
	if unknown, is := errors.AsType[*portfolio.UnknownError](err); is {
		return route.BadField("ignore_unknown", fmt.Sprintf("%d of the file's ids are not in registry %s", len(unknown.Entries), unknown.Registry), "mend them, or go on without them")
	}
	if over, is := errors.AsType[*portfolio.OverBoundError](err); is {
		return route.BadField("bound", over.Error(), "take a bound of "+over.Needed+", or none, or write smaller weights")
	}
	if faults, is := errors.AsType[*panel.Errors](err); is {
		return route.BadField("bytes", faults.Error(), "mend the file, and drop it again")
	}
	if errors.Is(err, portfolio.ErrWithin) {
		return route.BadField("within", err.Error(), "take a measure whose caps the policy names, or bound weights by their bits alone")
	}
	if errors.Is(err, vector.ErrRejected) {
		return wire.NewProblem(502, route.KindAnswer, err.Error()).Advising("nothing is registered; tell the operators of the nodes, and register it again")
	}
	if p := route.ProblemOf(err); p.Kind == wire.KindInternal {
		return route.BadField("bytes", p.Message, "mend the file by what it says, and drop it again")
	}
	return err
}
