package portfolio

import (
	"fmt"
	"strings"
)

// OptionError is returned for options of which no portfolio can be made. It names them as the flags of
// `weir portfolio register`, which are the fields of the desk's form, too.
type OptionError struct {
	Field  string   // of the first option that it is about
	names  []string // for the verbs %s of format
	format string
	rest   []any // for its other verbs
}

// Error implements error, with options by their bare names.
func (e *OptionError) Error() string { return e.Named("") }

// Named is the message with a prefix before each option's name, such as "--" of flags.
func (e *OptionError) Named(prefix string) string {
	message := e.format
	for _, n := range e.names {
		message = strings.Replace(message, "@", prefix+n, 1)
	}
	return fmt.Sprintf(message, e.rest...)
}

// wrong makes an OptionError: every @ of the format is the next of the names.
func wrong(format string, names []string, rest ...any) error {
	return &OptionError{Field: names[0], names: names, format: format, rest: rest}
}

// Limits of weights: the nodes' check takes 32 bits, and decimals as panels have them.
const (
	maxBits     = 32
	maxDecimals = 9
)

// Check refuses what a file cannot be read as, before it is opened: an *OptionError.
func (f File) Check() error {
	switch {
	case f.Weights == "" && (f.Bits != 0 || f.Decimals != 0):
		return wrong("@ and @ need @", []string{"bits", "decimals", "weights"})
	case f.Weights != "" && (f.Pieces != "" || len(f.By) > 0):
		return wrong("@ and @ exclude @", []string{"pieces", "by", "weights"})
	case f.Within != "" && f.Weights == "" || f.Bound != "" && f.Within == "":
		return wrong("@ needs @, and @ needs @", []string{"within", "weights", "bound", "within"})
	case f.Within != "" && strings.Count(f.Within, ".") != 1:
		return wrong("@ is %q, want DATASET.MEASURE", []string{"within"}, f.Within)
	case f.Weights != "" && (f.Bits < 1 || f.Bits > maxBits || f.Decimals < 0 || f.Decimals > maxDecimals):
		return wrong("@ is %d and @ is %d, want 1 to %d and 0 to %d", []string{"bits", "decimals"}, f.Bits, f.Decimals, maxBits, maxDecimals)
	}
	return nil
}

// Check refuses options that no registration can have: an *OptionError.
func (o Options) Check() error {
	switch {
	case o.Registry == "":
		return wrong("@ is needed: the list of entities that the ids are of", []string{"registry"})
	case o.File.Weights != "" && o.For != "":
		return wrong("@ excludes @: weighted sums are answered with noise, and nothing is tested", []string{"for", "weights"})
	}
	return o.File.Check()
}
