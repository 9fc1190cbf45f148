package feed

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/weirdata/weir/compute/panel"
)

const small = `dataset: chimneys
dir: feed
lateness: 5m
corrections: {every: 6h, within: 72h}
stamp: begin
devices: {D1: s1}
measures:
  - {measure: nox, code: a21002, command: "2061", field: Avg, unit: mg/m³, take: one}
sources:
  - {name: chimneys, kind: hj212, listen: "127.0.0.1:0", crc: standard}
`

func TestExampleIsAConfiguration(t *testing.T) {
	c, err := ParseConfig("feed.yaml", []byte(Example))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Sources) != 1 || len(c.Measures) != 2 || c.Dir != "/var/lib/weir-feed" {
		t.Errorf("%+v", c)
	}
	// With what is commented out as well.
	all := regexp.MustCompile(`(?m)^  # (- \{.*\})$`).ReplaceAllString(Example, "  $1")
	if c, err = ParseConfig("/etc/weir/feed.yaml", []byte(all)); err != nil {
		t.Fatal(err)
	}
	if len(c.Sources) != 5 || c.Sources[2].Query != "/etc/weir/lims.sql" {
		t.Errorf("%+v", c.Sources)
	}
	for line := range strings.Lines(Example) {
		if len(line) > 170 {
			t.Errorf("a line of %d characters: %s", len(line), line)
		}
	}
}

func TestFaultsOfAConfigurationSayWhereAndWhatIsRight(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{"lateness: 5m", "latenes: 5m", `f.yaml:3:1: unknown field "latenes"; ` + "`weir feed config` prints the fields"},
		{"lateness: 5m", "", "lateness is missing; want how long after its end"},
		{"dir: feed", "", "dir is missing"},
		{"{every: 6h, within: 72h}", "{within: 72h}", "f.yaml:4:14: corrections say not when"},
		{"{every: 6h, within: 72h}", `{at: "25:00", within: 72h}`, `f.yaml:4:19: corrections.at is "25:00"; want hour and minute`},
		{"{every: 6h, within: 72h}", `{at: "02:00", every: 1h, within: 72h}`, "have both at and every"},
		{"{every: 6h, within: 72h}", "{every: 6h, within: 1m}", "corrections.within is shorter than lateness"},
		{"stamp: begin", "stamp: beginn", `f.yaml:5:8: stamp is "beginn"; want begin, end; did you mean begin?`},
		{"stamp: begin", "", "stamp is missing; want begin, end"},
		{"crc: standard", "crc: other", `f.yaml:10:63: sources[0].crc is "other"; want standard, swapped or modbus`},
		{", crc: standard", "", "sources[0] has no crc; a source of kind hj212 needs it"},
		{"crc: standard", "crc: standard, path: x", "sources[0].path is no field of a source of kind hj212"},
		{"kind: hj212", "kind: hj213", `sources[0].kind is "hj213"; want hj212, directory, table, lines, stdin; did you mean hj212?`},
		{"take: one", "", "measures[0].take is missing; want one, mean"},
		{"take: one", "take: mean", "measures[0].least is missing"},
		{"take: one", `take: one, factor: "-1"`, "measures[0].factor is"},
		{`command: "2061", `, "", "measures[0].command is missing"},
		{"unit: mg/m³, ", "", "measures[0].unit is missing"},
		{"devices: {D1: s1}", "", "devices are missing"},
		{"stamp: begin", "stamp: begin\nflags: [X]", `f.yaml:6:9: flags[0] is "X"`},
		{"stamp: begin", "stamp: begin\nunknown: {codes: maybe}", `unknown.codes is "maybe"; want stop, ignore`},
		{"sources:", "others:", `unknown field "others"`},
		{"dataset: chimneys", "dataset: [", "f.yaml:"},
	} {
		text := strings.Replace(small, c.from, c.to, 1)
		if text == small {
			t.Fatalf("%q is not in it", c.from)
		}
		_, err := ParseConfig("f.yaml", []byte(text))
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "f.yaml") {
			t.Errorf("%s → %s:\n%v\nwant %s", c.from, c.to, err, c.want)
		}
	}
	if _, err := ReadConfig(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a file that is not there is read")
	}
}

// What does not fit the descriptor is said before anything is taken.
func TestConfigurationMustFitTheDescriptor(t *testing.T) {
	const descriptor = `
dataset: chimneys
title: {en: Chimneys}
license: internal
entity: {registry: stations, column: station}
period: {column: hour, grain: hour}
utc_offset: "+08:00"
measures:
  - {name: nox, column: NOX, unit: mg/m³, range: [0, 100], decimals: 1}
policy: {aggregates: [count, sum, avg], public: true}
`
	src, err := panel.ReadDescriptor("d.yaml", strings.NewReader(descriptor))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ from, to, want string }{
		{"", "", ""},
		{"dataset: chimneys", "dataset: others", "the descriptor is of dataset chimneys"},
		{"measure: nox", "measure: nix", `"nix" is no measure of dataset chimneys; want nox; did you mean nox?`},
		{"unit: mg/m³", "unit: µg/m³", "measures[0].unit is µg/m³, and the dataset has nox in mg/m³; want factor"},
		{"take: one", "take: mean, least: 1", "declare round: half_even for nox"},
	} {
		config, err := ParseConfig("f.yaml", []byte(strings.Replace(small, c.from, c.to, 1)))
		if err != nil {
			t.Fatal(err)
		}
		err = config.Fits(src)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.to, err)
		}
	}
}

func TestKeysOfDevicesAreReadFromAFileOfTheirOwn(t *testing.T) {
	name := filepath.Join(t.TempDir(), "keys")
	write := func(text string, mode os.FileMode) {
		if err := os.WriteFile(name, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
	}
	write("# device key\nD1 0123456789abcdeffedcba9876543210\n\n* 30303030303030303030303030303030\n", 0o600)
	if keys, err := readSM4Keys(name); err != nil || len(keys) != 2 || keys["D1"] == nil || keys["*"] == nil {
		t.Errorf("%v, %v", keys, err)
	}
	for text, want := range map[string]string{
		"D1\n":      ":1: has 1 words",
		"\nD1 xx\n": ":2: the key is not hexadecimal",
		"D1 0123\n": ":1: an SM4 key has 16 bytes",
		"D1 0123456789abcdeffedcba9876543210\nD1 0123456789abcdeffedcba9876543210\n": ":2: device D1 has a key already",
	} {
		write(text, 0o600)
		if _, err := readSM4Keys(name); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "0123456789") {
			t.Errorf("%q: %v", text, err)
		}
	}
	write("", 0o644)
	if _, err := readSM4Keys(name); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a file that others read: %v", err)
	}
}
