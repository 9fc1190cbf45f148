package seeds

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// descriptor is the format of DESCRIPTOR.md, read strictly.
type descriptor struct {
	Dataset     string            `yaml:"dataset"`
	Title       map[string]string `yaml:"title"`
	Description map[string]string `yaml:"description"`
	License     string            `yaml:"license"`
	Entity      struct {
		Registry   string   `yaml:"registry"`
		Column     string   `yaml:"column"`
		Attributes []string `yaml:"attributes"`
	} `yaml:"entity"`
	Period struct {
		Column  string   `yaml:"column"`
		Columns []string `yaml:"columns"`
		Grain   string   `yaml:"grain"`
	} `yaml:"period"`
	Offset   string   `yaml:"utc_offset"`
	Missing  []string `yaml:"missing"`
	Measures []struct {
		Name     string   `yaml:"name"`
		Column   string   `yaml:"column"`
		Unit     string   `yaml:"unit"`
		Range    [2]int64 `yaml:"range"`
		Decimals int      `yaml:"decimals"`
		Buckets  []string `yaml:"buckets"`
		// Pollutant is its code in HJ 212, PCAF how emissions were found.
		Pollutant string `yaml:"pollutant"`
		PCAF      struct {
			Scope  string `yaml:"scope"`
			Option string `yaml:"option"`
		} `yaml:"pcaf"`
	} `yaml:"measures"`
	Policy struct {
		Aggregates []string   `yaml:"aggregates"`
		Public     bool       `yaml:"public"`
		Grain      string     `yaml:"grain"`
		MinCohort  int        `yaml:"min_cohort"`
		Cubes      [][]string `yaml:"cubes"`
		Portfolios int        `yaml:"portfolios"`
	} `yaml:"policy"`
	Price struct {
		PerQuery string `yaml:"per_query"`
		Currency string `yaml:"currency"`
	} `yaml:"price"`
}

func parseDescriptor(t *testing.T, text []byte) descriptor {
	t.Helper()
	var d descriptor
	if err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(&d); err != nil {
		t.Fatal(err)
	}
	return d
}

var periodForm = map[string]*regexp.Regexp{
	"year":  regexp.MustCompile(`^\d{4}$`),
	"month": regexp.MustCompile(`^\d{4}-\d\d$`),
	"day":   regexp.MustCompile(`^\d{4}-\d\d-\d\d$`),
	"hour":  regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d$`),
}

func TestEveryRowFitsItsDescriptorAndRegistry(t *testing.T) {
	g := newGenerator(t, Options{})
	all := files(t, g)
	ids := map[string]map[string]bool{}
	for _, r := range g.Registries() {
		ids[r.ID] = map[string]bool{}
		registry := tableOf(t, all[r.ID+".csv"])
		at := registry.at(t, r.IDColumn)
		for _, row := range registry.rows {
			if ids[r.ID][row[at]] {
				t.Errorf("%s: %q twice", r.ID, row[at])
			}
			ids[r.ID][row[at]] = true
			if slices.Contains(row, "") {
				t.Errorf("%s: an empty attribute in %q", r.ID, row)
			}
		}
	}
	datasets, err := g.Datasets()
	if err != nil {
		t.Fatal(err)
	}
	for _, dataset := range datasets {
		d := parseDescriptor(t, dataset.Descriptor)
		if d.Dataset != dataset.ID || d.Entity.Registry != dataset.Registry || d.Period.Column != "period" {
			t.Errorf("%s: descriptor is of %s on %s by %q", dataset.ID, d.Dataset, d.Entity.Registry, d.Period.Column)
		}
		for _, texts := range []map[string]string{d.Title, d.Description} {
			if !strings.Contains(strings.ToLower(texts["en"]), "synthetic") || !strings.Contains(texts["zh"], "合成") {
				t.Errorf("%s: %q does not say that it is synthetic", dataset.ID, texts)
			}
		}
		checkRows(t, d, tableOf(t, all[dataset.File()]), ids[dataset.Registry])
	}
}

func checkRows(t *testing.T, d descriptor, data table, entities map[string]bool) {
	t.Helper()
	want := []string{d.Entity.Column, "period"}
	for _, m := range d.Measures {
		want = append(want, m.Column)
	}
	if !slices.Equal(data.header, want) {
		t.Fatalf("%s: header %q, descriptor %q", d.Dataset, data.header, want)
	}
	seen := make(map[string]bool, len(data.rows))
	absent := 0
	for _, row := range data.rows {
		key := row[0] + " " + row[1]
		if seen[key] || !entities[row[0]] || !periodForm[d.Period.Grain].MatchString(row[1]) {
			t.Fatalf("%s: row %q is double, of no entity, or not of grain %s", d.Dataset, row, d.Period.Grain)
		}
		seen[key] = true
		for i, m := range d.Measures {
			if row[2+i] == "" {
				absent++
			} else if err := fits(row[2+i], m.Range, m.Decimals); err != nil {
				t.Fatalf("%s, %s: %v in %q", d.Dataset, m.Name, err, row)
			}
		}
	}
	if share := float64(absent) / float64(len(data.rows)*len(d.Measures)); share > 0.02 {
		t.Errorf("%s: %.1f %% of cells missing", d.Dataset, 100*share)
	}
}

func fits(cell string, limits [2]int64, decimals int) error {
	_, fraction, _ := strings.Cut(cell, ".")
	if len(fraction) > decimals {
		return fmt.Errorf("%q has more than %d decimals", cell, decimals)
	}
	value, err := number(cell)
	if err != nil {
		return err
	}
	if x, _ := value.Float64(); x < float64(limits[0]) || x > float64(limits[1]) {
		return fmt.Errorf("%q is outside %d", cell, limits)
	}
	return nil
}

func TestDatasetsOfOneRegistryHaveOneFamilyPolicy(t *testing.T) {
	datasets, err := newGenerator(t, Options{}).Datasets()
	if err != nil {
		t.Fatal(err)
	}
	family := map[string]string{}
	for _, dataset := range datasets {
		d := parseDescriptor(t, dataset.Descriptor)
		p := d.Policy
		if p.Public {
			if p.MinCohort != 0 || p.Cubes != nil || p.Portfolios != 0 {
				t.Errorf("%s is public and has rules for protected data", d.Dataset)
			}
			continue
		}
		policy := fmt.Sprint(p.MinCohort, p.Cubes, p.Portfolios)
		if known, ok := family[dataset.Registry]; ok && known != policy {
			t.Errorf("%s: policy %s, another of its family has %s", d.Dataset, policy, known)
		}
		family[dataset.Registry] = policy
		if p.MinCohort != 5 || p.Grain == "" || d.Price.Currency != "CNY" {
			t.Errorf("%s: policy %+v, price %+v", d.Dataset, p, d.Price)
		}
	}
	if len(family) != 3 {
		t.Errorf("protected families %v, want enterprises, power companies and dust monitors", family)
	}
}

func TestEveryCubeHasGroupsOfAtLeastTheMinimumCohort(t *testing.T) {
	g := newGenerator(t, Options{DustMonitors: 55})
	for registry, attributes := range map[string][]string{"enterprises": {"county", "industry"}, "dust_monitors": {"county"}} {
		write := g.WriteEnterprises
		if registry == "dust_monitors" {
			write = g.WriteDustMonitors
		}
		entities := tableOf(t, csvBytes(t, write))
		for _, attribute := range attributes {
			at := entities.at(t, attribute)
			groups := map[string]int{}
			for _, row := range entities.rows {
				groups[row[at]]++
			}
			for value, n := range groups {
				if n < 5 {
					t.Errorf("%s: %s %s has %d entities", registry, attribute, value, n)
				}
			}
		}
	}
}

// TestTheFinestClassesStillGiveTheFigures cuts the enterprises into county ×
// industry, the finest partition the cubes ask for: no class may be too small
// to contribute to NOx in any month, and the warnings of the classes that
// contribute must still exceed the published number.
func TestTheFinestClassesStillGiveTheFigures(t *testing.T) {
	g := newGenerator(t, Options{})
	class := map[string]string{}
	for _, row := range tableOf(t, csvBytes(t, g.WriteEnterprises)).rows {
		class[row[0]] = row[3] + " " + row[4]
	}
	const minCohort = 5
	present := func(data table, measure string) map[string]int {
		at, n := data.at(t, measure), map[string]int{}
		for _, row := range data.rows {
			if row[at] != "" {
				n[class[row[0]]+" "+row[1]]++
			}
		}
		return n
	}
	for key, n := range present(tableOf(t, csvBytes(t, g.WriteEnterpriseMonthly)), "nox_kg") {
		if n < minCohort {
			t.Errorf("%s: %d enterprises present", key, n)
		}
	}
	warnings := tableOf(t, csvBytes(t, g.WriteWarningsMonthly))
	counting := present(warnings, "warnings")
	sum, _ := warnings.sum(t, "warnings", 0, func(row []string) bool { return counting[class[row[0]]+" "+row[1]] >= minCohort })
	agrees(t, "warnings", big.NewRat(sum, 1))
}

func TestDescriptorOfNothingIsAnError(t *testing.T) {
	for _, id := range []string{"none", "", "../generator"} {
		if _, err := Descriptor(id); err == nil {
			t.Errorf("%q has a descriptor", id)
		}
	}
}

// sharedDir is the folder of real data beside the checkout.
func sharedDir(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, "..", "shared")
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the package")
		}
	}
}

func TestBeijingDescriptorCoversEveryReading(t *testing.T) {
	names, err := filepath.Glob(filepath.Join(sharedDir(t), "data", "beijing-air", "*.csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	if len(names) == 0 {
		t.Skip("the Beijing files are not in ../shared/data/beijing-air")
	}
	text, err := Descriptor("beijing_air")
	if err != nil {
		t.Fatal(err)
	}
	d := parseDescriptor(t, text)
	cells := 0
	for _, name := range names {
		data := tableOf(t, gunzip(t, name))
		for _, column := range append([]string{d.Entity.Column}, d.Period.Columns...) {
			data.at(t, column)
		}
		for _, m := range d.Measures {
			at := data.at(t, m.Column)
			for _, row := range data.rows {
				if slices.Contains(d.Missing, row[at]) {
					continue
				}
				cells++
				if err := fits(row[at], m.Range, m.Decimals); err != nil {
					t.Fatalf("%s, %s: %v", name, m.Name, err)
				}
			}
		}
	}
	if cells < 2_000_000 {
		t.Errorf("only %d values in %d files", cells, len(names))
	}
}

func gunzip(t *testing.T, name string) []byte {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Measures say by codes what they are of, so that limits, indices and financed emissions find
// them: one that is of a pollutant by its name is of no other by its code. Rights, quotas and
// counts are of none, and organic compounds have no code that is known here.
func TestMeasuresSayWhatTheyAreOf(t *testing.T) {
	codes := map[string]string{
		"pm25": "a34004", "pm10": "a34002", "so2": "a21026", "no2": "a21004", "co": "a21005", "o3": "a05024", "o3_8h": "a05024", "tsp": "a34001",
		"so2_kg": "a21026", "nox_kg": "a21002", "cod_kg": "w01018", "nh3n_kg": "w21003", "co2_t": "a05001",
		"codmn": "w01019", "nh3n": "w21003", "tp": "w21011", "do": "w01009",
		"voc_kg": "", "nox_right_t": "", "so2_right_t": "", "cod_right_t": "", "nh3n_right_t": "", "warnings": "", "quota_t": "",
	}
	seen := map[string]bool{}
	found, err := filepath.Glob("descriptors/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range found {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		d := parseDescriptor(t, text)
		name := d.Dataset
		for _, m := range d.Measures {
			code, known := codes[m.Name]
			if !known || m.Pollutant != code {
				t.Errorf("%s: %s is of %q, want %q", name, m.Name, m.Pollutant, code)
			}
			seen[m.Name] = true
			if verified := name == "power_carbon" && m.Name == "co2_t"; verified != (m.PCAF.Option == "1a" && m.PCAF.Scope == "1") {
				t.Errorf("%s: %s has PCAF %+v", name, m.Name, m.PCAF)
			}
		}
	}
	if len(seen) != len(codes) {
		t.Errorf("%d of %d measures are there", len(seen), len(codes))
	}
}
