package feed

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/weirdata/weir/catalog/decimal"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/compute/suggest"
	"github.com/weirdata/weir/node/client/feed/hj212"
)

// Config is a feed's configuration, as it stands in its file.
type Config struct {
	Dataset     string            `yaml:"dataset"`
	Descriptor  string            `yaml:"descriptor"`
	Dir         string            `yaml:"dir"`
	Lateness    time.Duration     `yaml:"lateness"`
	Every       time.Duration     `yaml:"every"`
	Corrections Corrections       `yaml:"corrections"`
	Unknown     Unknown           `yaml:"unknown"`
	Ignore      Ignore            `yaml:"ignore"`
	Stamp       string            `yaml:"stamp"`
	Flags       []string          `yaml:"flags"`
	Devices     map[string]string `yaml:"devices"`
	Measures    []Measure         `yaml:"measures"`
	Sources     []Source          `yaml:"sources"`

	file    string
	parsed  *ast.File
	at      [2]int // hour and minute of corrections; −1: by Every
	factors []factor
}

// Corrections say when readings that came late are published, and how late they may be.
type Corrections struct {
	At     string        `yaml:"at"`
	Every  time.Duration `yaml:"every"`
	Within time.Duration `yaml:"within"`
}

// Unknown says what becomes of devices and codes that are not listed: stop or ignore.
type Unknown struct {
	Devices string `yaml:"devices"`
	Codes   string `yaml:"codes"`
}

// Ignore lists devices and codes that are passed over, and counted.
type Ignore struct {
	Devices []string `yaml:"devices"`
	Codes   []string `yaml:"codes"`
}

// Measure says which readings of devices a measure is made of, and how.
type Measure struct {
	Measure string `yaml:"measure"`
	Code    string `yaml:"code"`
	Command string `yaml:"command"` // of HJ 212
	Field   string `yaml:"field"`
	Unit    string `yaml:"unit"`
	Factor  string `yaml:"factor"`
	Take    string `yaml:"take"`
	Least   int    `yaml:"least"`
}

// Rules by which a cell is made of readings.
const (
	takeOne  = "one"
	takeMean = "mean"
	takeLast = "last"
	takeMin  = "min"
	takeMax  = "max"
	takeSum  = "sum"
)

var takes = []string{takeOne, takeMean, takeLast, takeMin, takeMax, takeSum}

// Source is where readings come from.
type Source struct {
	Name string `yaml:"name"`
	Kind string `yaml:"kind"`
	// Of hj212 and lines.
	Listen string `yaml:"listen"`
	// Of hj212.
	CRC      string        `yaml:"crc"`
	Lenient  bool          `yaml:"lenient"`
	SM4Keys  string        `yaml:"sm4_keys"`
	SetClock bool          `yaml:"set_clock"`
	Idle     time.Duration `yaml:"idle"`
	// Of lines and stdin.
	Format    string `yaml:"format"`
	Device    string `yaml:"device"`
	Time      string `yaml:"time"`
	TokenFile string `yaml:"token_file"`
	// Of a directory.
	Path   string        `yaml:"path"`
	Settle time.Duration `yaml:"settle"`
	// Of a table.
	From    string        `yaml:"from"`
	Query   string        `yaml:"query"`
	Updated string        `yaml:"updated"`
	Key     []string      `yaml:"key"`
	Page    int           `yaml:"page"`
	Overlap time.Duration `yaml:"overlap"`
	Every   time.Duration `yaml:"every"`
}

// Kinds of sources.
const (
	kindHJ212     = "hj212"
	kindLines     = "lines"
	kindStdin     = "stdin"
	kindDirectory = "directory"
	kindTable     = "table"
)

// pageRows is how many rows of a table are asked for at once, unless the source says otherwise.
const pageRows = 10_000

// fieldsOf are the fields that a source of a kind may have, beside its name and kind; those
// with an exclamation mark it needs.
var fieldsOf = map[string][]string{
	kindHJ212:     {"listen!", "crc!", "lenient", "sm4_keys", "set_clock", "idle"},
	kindLines:     {"listen!", "format!", "device!", "time!", "token_file"},
	kindStdin:     {"format!", "device!", "time!"},
	kindDirectory: {"path!", "settle"},
	kindTable:     {"from!", "query!", "updated!", "key!", "overlap!", "every!", "page"},
}

// sourceKinds are all kinds.
var sourceKinds = []string{kindHJ212, kindDirectory, kindTable, kindLines, kindStdin}

// ConfigError is something wrong in a configuration.
type ConfigError struct {
	File         string
	Line, Column int // 0: of the file as a whole
	Message      string
	Want         string
}

// Error implements error.
func (e *ConfigError) Error() string {
	text := e.File + ": "
	if e.Line > 0 {
		text = fmt.Sprintf("%s:%d:%d: ", e.File, e.Line, e.Column)
	}
	text += e.Message
	if e.Want != "" {
		text += "; " + e.Want
	}
	return text
}

// ReadConfig reads a configuration. Its faults are joined *ConfigErrors.
func ReadConfig(path string) (*Config, error) {
	b, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return ParseConfig(path, b)
}

// ParseConfig reads a configuration from its bytes. Files that it names are relative to its own.
func ParseConfig(name string, b []byte) (*Config, error) {
	c := &Config{file: name}
	if err := yaml.UnmarshalWithOptions(b, c, yaml.Strict()); err != nil {
		return nil, c.yamlError(err)
	}
	var err error
	if c.parsed, err = parser.ParseBytes(b, 0); err != nil {
		return nil, c.yamlError(err)
	}
	x := &configCheck{Config: c}
	x.check()
	if len(x.faults) > 0 {
		return nil, errors.Join(x.faults...)
	}
	return c, nil
}

// yamlError is a fault that the parser found.
func (c *Config) yamlError(err error) error {
	e := &ConfigError{File: c.file, Message: strings.TrimSpace(err.Error())}
	if y, ok := errors.AsType[yaml.Error](err); ok {
		e.Message = y.GetMessage()
		if at := y.GetToken(); at != nil && at.Position != nil {
			e.Line, e.Column = at.Position.Line, at.Position.Column
		}
	}
	if strings.HasPrefix(e.Message, "unknown field") {
		e.Want = "`weir feed config` prints the fields"
	}
	return e
}

// beside is a file that the configuration names.
func (c *Config) beside(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(c.file), path)
}

// configCheck collects what is wrong.
type configCheck struct {
	*Config
	faults []error
}

// fault notes a fault of a field, by its path in the file.
func (c *configCheck) fault(path, message, want string) {
	e := &ConfigError{File: c.file, Message: strings.TrimPrefix(path, "$.") + " " + message, Want: want}
	for at := path; at != "$" && at != ""; {
		p, err := yaml.PathString(at)
		if err == nil {
			if n, err := p.FilterFile(c.parsed); err == nil && n != nil && n.GetToken() != nil {
				e.Line, e.Column = n.GetToken().Position.Line, n.GetToken().Position.Column
				break
			}
		}
		at = at[:max(strings.LastIndexAny(at, ".["), 0)]
	}
	c.faults = append(c.faults, e)
}

// need notes where something is missing.
func (c *configCheck) need(path, value, want string) {
	if value == "" {
		c.fault(path, "is missing", want)
	}
}

// oneOf notes where a value is not one of a few.
func (c *configCheck) oneOf(path, value string, of ...string) {
	switch {
	case value == "":
		c.fault(path, "is missing", "want "+orList(of))
	case !slices.Contains(of, value):
		c.fault(path, fmt.Sprintf("is %.40q", value), "want "+orList(of)+didYouMean(value, of))
	}
}

func orList(of []string) string { return strings.Join(of, ", ") }

func didYouMean(value string, of []string) string {
	if near := suggest.Nearest(value, of); near != "" && near != value {
		return "; did you mean " + near + "?"
	}
	return ""
}

var clock = regexp.MustCompile(`^([01][0-9]|2[0-3]):([0-5][0-9])$`)

// deviceFlags are those of HJ 212 with their meanings.
var deviceFlags = []string{"N", "F", "M", "S", "D", "C", "T", "B"}

func (c *configCheck) check() {
	c.need("$.dataset", c.Dataset, "want the dataset's id")
	c.need("$.dir", c.Dir, "want a directory for what is kept until it is published, such as /var/lib/weir-feed")
	c.Dir, c.Descriptor = c.beside(c.Dir), c.beside(c.Descriptor)
	if c.Lateness <= 0 {
		c.fault("$.lateness", "is missing", "want how long after its end a period is waited for, such as 15m")
	}
	c.Every = cmp.Or(c.Every, time.Minute)
	if c.Every < 0 {
		c.fault("$.every", "is negative", "want how often to look for closed periods, such as 1m")
	}
	c.checkCorrections()
	if len(c.Devices) > 0 || len(c.Measures) > 0 {
		c.Unknown.Devices, c.Unknown.Codes = cmp.Or(c.Unknown.Devices, "stop"), cmp.Or(c.Unknown.Codes, "stop")
		c.oneOf("$.unknown.devices", c.Unknown.Devices, "stop", "ignore")
		c.oneOf("$.unknown.codes", c.Unknown.Codes, "stop", "ignore")
	}
	if c.Flags == nil {
		c.Flags = []string{"N"}
	}
	for i, f := range c.Flags {
		c.oneOf(fmt.Sprintf("$.flags[%d]", i), f, deviceFlags...)
	}
	c.checkSources()
	c.checkMeasures()
}

func (c *configCheck) checkCorrections() {
	c.at = [2]int{-1, -1}
	x := c.Corrections
	switch {
	case x.At == "" && x.Every == 0:
		c.fault("$.corrections", "say not when readings that came late are published", `want at: "02:30", daily in the dataset's own time, or every: 6h`)
	case x.At != "" && x.Every != 0:
		c.fault("$.corrections", "have both at and every", "want one of them")
	case x.Every < 0:
		c.fault("$.corrections.every", "is negative", "want a time such as 6h")
	case x.At != "":
		m := clock.FindStringSubmatch(x.At)
		if m == nil {
			c.fault("$.corrections.at", fmt.Sprintf("is %.20q", x.At), `want hour and minute, such as "02:30"`)
			return
		}
		c.at[0], _ = strconv.Atoi(m[1]) // two digits
		c.at[1], _ = strconv.Atoi(m[2])
	}
	if x.Within <= 0 {
		c.fault("$.corrections.within", "is missing", "want how long after a period's end its readings are taken, such as 72h; all of them are kept for so long")
	} else if x.Within < c.Lateness {
		c.fault("$.corrections.within", "is shorter than lateness", "want it longer")
	}
}

func (c *configCheck) checkSources() {
	if len(c.Sources) == 0 {
		c.fault("$.sources", "are missing", "want at least one, of kind "+orList(sourceKinds))
	}
	seen := map[string]bool{}
	for i := range c.Sources {
		s, at := &c.Sources[i], fmt.Sprintf("$.sources[%d]", i)
		c.oneOf(at+".kind", s.Kind, sourceKinds...)
		s.Name = cmp.Or(s.Name, s.Kind)
		if seen[s.Name] {
			c.fault(at+".name", fmt.Sprintf("%q is another source's", s.Name), "want a name for each")
		}
		seen[s.Name] = true
		c.checkFields(at, s)
		s.Path, s.Query, s.SM4Keys, s.TokenFile = c.beside(s.Path), c.beside(s.Query), c.beside(s.SM4Keys), c.beside(s.TokenFile)
		if s.Page < 0 || s.Page == 1 {
			c.fault(at+".page", fmt.Sprintf("is %d", s.Page), "want how many rows are asked for at once, 2 or more")
		}
		s.Page = cmp.Or(s.Page, pageRows)
		s.Idle, s.Settle = cmp.Or(s.Idle, 10*time.Minute), cmp.Or(s.Settle, 30*time.Second)
		if s.Kind == kindHJ212 && s.CRC != "" {
			if _, err := hj212.ParseCRC(s.CRC); err != nil {
				c.fault(at+".crc", fmt.Sprintf("is %.20q", s.CRC), "want standard, swapped or modbus")
			}
		}
		if (s.Kind == kindLines || s.Kind == kindStdin) && s.Format != "" {
			c.oneOf(at+".format", s.Format, "ndjson", "csv")
		}
	}
}

// checkFields checks that a source has the fields of its kind, and no others.
func (c *configCheck) checkFields(at string, s *Source) {
	given := map[string]bool{
		"listen": s.Listen != "", "crc": s.CRC != "", "lenient": s.Lenient, "sm4_keys": s.SM4Keys != "", "set_clock": s.SetClock, "idle": s.Idle != 0,
		"format": s.Format != "", "device": s.Device != "", "time": s.Time != "", "token_file": s.TokenFile != "",
		"path": s.Path != "", "settle": s.Settle != 0,
		"from": s.From != "", "query": s.Query != "", "updated": s.Updated != "", "key": len(s.Key) > 0, "page": s.Page != 0, "overlap": s.Overlap != 0, "every": s.Every != 0,
	}
	may := fieldsOf[s.Kind]
	if may == nil {
		return
	}
	for name, is := range given {
		if is && !slices.Contains(may, name) && !slices.Contains(may, name+"!") {
			c.fault(at+"."+name, "is no field of a source of kind "+s.Kind, "want "+strings.ReplaceAll(orList(may), "!", ""))
		}
	}
	for _, name := range may {
		if name, needed := strings.CutSuffix(name, "!"); needed && !given[name] {
			c.fault(at, "has no "+name, "a source of kind "+s.Kind+" needs it")
		}
	}
}

// mapped reports whether there are sources of devices, whose codes are mapped.
func (c *Config) mapped() bool {
	return slices.ContainsFunc(c.Sources, func(s Source) bool { return s.Kind == kindHJ212 || s.Kind == kindLines || s.Kind == kindStdin })
}

func (c *configCheck) checkMeasures() {
	if !c.mapped() {
		if len(c.Devices) > 0 || len(c.Measures) > 0 {
			c.fault("$.measures", "have no source", "files and tables are read by the descriptor; leave out devices and measures")
		}
		return
	}
	c.oneOf("$.stamp", c.Stamp, "begin", "end")
	if len(c.Devices) == 0 {
		c.fault("$.devices", "are missing", "want the entity of each device: {010000A8900016F000169DC0: station-1}")
	}
	if len(c.Measures) == 0 {
		c.fault("$.measures", "are missing", "want what each measure is made of")
	}
	seen, taken := map[string]bool{}, map[string]bool{}
	hasLines := slices.ContainsFunc(c.Sources, func(s Source) bool { return s.Kind == kindLines || s.Kind == kindStdin })
	hasFrames := slices.ContainsFunc(c.Sources, func(s Source) bool { return s.Kind == kindHJ212 })
	for i, m := range c.Measures {
		at := fmt.Sprintf("$.measures[%d]", i)
		c.need(at+".measure", m.Measure, "want the measure's name in the descriptor")
		c.need(at+".code", m.Code, "want the code that devices send, such as a21026")
		c.need(at+".unit", m.Unit, "want the unit that devices send")
		c.oneOf(at+".take", m.Take, takes...)
		if hasFrames {
			c.need(at+".command", m.Command, "want the command whose frames count: 2011, 2051, 2061 or 2031")
			c.need(at+".field", m.Field, "want the field that counts: Rtd, Avg, Min, Max or Cou")
		}
		switch {
		case m.Take == takeMean && m.Least < 1:
			c.fault(at+".least", "is missing", "want how many readings a mean has at least")
		case m.Take == takeOne && m.Least != 0:
			c.fault(at+".least", "is of no use", "one reading is one reading")
		case m.Least < 0:
			c.fault(at+".least", "is negative", "want how many readings a cell is made of at least")
		}
		if seen[m.Measure] {
			c.fault(at+".measure", fmt.Sprintf("%q is listed already", m.Measure), "a measure is made of one code")
		}
		key := m.Command + " " + m.Code + " " + m.Field
		if hasLines { // they have no commands and fields
			key = m.Code
		}
		if taken[key] {
			c.fault(at+".code", fmt.Sprintf("%q is taken already", m.Code), "a field is one measure")
		}
		seen[m.Measure], taken[key] = true, true
		f := factor{1, 0}
		if m.Factor != "" {
			var ok bool
			if f, ok = parseFactor(m.Factor); !ok {
				c.fault(at+".factor", fmt.Sprintf("is %.20q", m.Factor), "want a positive number such as 1000 or 0.001")
			}
		}
		c.factors = append(c.factors, f)
	}
}

// Fits checks the configuration against the dataset's descriptor.
func (c *Config) Fits(src *panel.Source) error {
	x := &configCheck{Config: c}
	if src.Descriptor.Dataset != c.Dataset {
		x.fault("$.dataset", fmt.Sprintf("is %q", c.Dataset), fmt.Sprintf("the descriptor is of dataset %s", src.Descriptor.Dataset))
	}
	var names []string
	for _, m := range src.Descriptor.Measures {
		names = append(names, m.Name)
	}
	for i, m := range c.Measures {
		at := fmt.Sprintf("$.measures[%d]", i)
		j := slices.Index(names, m.Measure)
		if j < 0 {
			x.fault(at+".measure", fmt.Sprintf("%.40q is no measure of dataset %s", m.Measure, c.Dataset), "want "+orList(names)+didYouMean(m.Measure, names))
			continue
		}
		if unit := src.Descriptor.Measures[j].Unit; unit != m.Unit && m.Factor == "" {
			x.fault(at+".unit", fmt.Sprintf("is %s, and the dataset has %s in %s", m.Unit, m.Measure, unit),
				"want factor: what a reading of the device is multiplied with")
		}
		round := j < len(src.Readings) && src.Readings[j].Round != ""
		if m.Take == takeMean && !round {
			x.fault(at+".take", "is mean, which has more decimals than the measure", fmt.Sprintf("declare round: half_even for %s in the descriptor", m.Measure))
		}
	}
	return errors.Join(x.faults...)
}

// factor is a number that readings are multiplied with: mantissa·10^-decimals.
type factor struct {
	mantissa int64
	decimals int
}

func parseFactor(text string) (factor, bool) {
	mantissa, decimals, ok := parseDecimal(text)
	return factor{mantissa, int(decimals)}, ok && mantissa > 0 && mantissa < 1e9
}

// parseDecimal reads a plain decimal number exactly, as mantissa·10^-decimals.
func parseDecimal(text string) (mantissa int64, decimals uint8, ok bool) {
	_, fraction, _ := strings.Cut(text, ".")
	fraction = strings.TrimRight(fraction, "0")
	if len(fraction) > maxDecimals {
		return 0, 0, false
	}
	v, fault := decimal.ParseUnits(text, len(fraction))
	return v, uint8(len(fraction)), fault == decimal.OK //nolint:gosec // at most maxDecimals
}

// maxDecimals bounds the decimals of what devices send.
const maxDecimals = 12
