package seeds

import (
	"cmp"
	"embed"
	"fmt"
	"io"
	"sync"
)

// DefaultSeed is the seed of the published demo data: the day the figures
// came out.
const DefaultSeed uint64 = 20251120

// Size chooses how much data the generator writes.
type Size int

const (
	// SizeDemo is one year of enterprise data (2024) beside all days of air:
	// about two million values.
	SizeDemo Size = iota
	// SizeFull is everything: enterprise data from 2020 to October 2025, water
	// from 2020, a whole season of dust.
	SizeFull
)

// Options choose what a Generator writes. The zero value is the demo.
type Options struct {
	// Seed of all randomness; 0 means DefaultSeed.
	Seed uint64
	// Size is SizeDemo or SizeFull.
	Size Size
	// EnterpriseMonths cuts enterprise_monthly of the Demo size to the first
	// months of 2024, 1 to 12; 0 means all. Full takes 0 only.
	EnterpriseMonths int
	// DustMonitors is the number of dust monitors, 55 to 9999 (eleven counties
	// of at least five); 0 means 60 in Demo and 600 in Full.
	DustMonitors int
	// DustDays is the number of days of dust_hourly from 1 May 2024, up to
	// 366; 0 means 7 in Demo and 92 in Full.
	DustDays int
}

// Generator writes registries and datasets. It is immutable and may be used by
// any number of goroutines.
type Generator struct {
	seed         uint64
	size         Size
	months       int
	dustMonitors int
	dustDays     int
	enterprises  []enterprise
	air          func() (truth, error) // airTruth, computed once, when it is asked for
}

// New checks the options and builds the enterprise registry, which the
// enterprise datasets share. The error names the option that is wrong.
func New(o Options) (*Generator, error) {
	g := &Generator{
		seed: cmp.Or(o.Seed, DefaultSeed), size: o.Size,
		months: o.EnterpriseMonths, dustMonitors: o.DustMonitors, dustDays: o.DustDays,
	}
	months, monitors, days := 12, 60, 7
	switch o.Size {
	case SizeDemo:
	case SizeFull:
		months, monitors, days = 70, 600, 92
		if o.EnterpriseMonths != 0 {
			return nil, fmt.Errorf("seeds: EnterpriseMonths is %d, but the full size takes all months", o.EnterpriseMonths)
		}
	default:
		return nil, fmt.Errorf("seeds: Size is %d, want SizeDemo or SizeFull", o.Size)
	}
	for _, option := range []struct {
		name      string
		value     *int
		preset    int
		low, high int
	}{
		{"EnterpriseMonths", &g.months, months, 1, months},
		{"DustMonitors", &g.dustMonitors, monitors, 55, 9999},
		{"DustDays", &g.dustDays, days, 1, 366},
	} {
		*option.value = cmp.Or(*option.value, option.preset)
		if *option.value < option.low || *option.value > option.high {
			return nil, fmt.Errorf("seeds: %s is %d, want %d to %d", option.name, *option.value, option.low, option.high)
		}
	}
	g.air = sync.OnceValues(g.airTruth)
	g.enterprises = g.buildEnterprises()
	return g, nil
}

// Registry is a public list of entities, ready to publish.
type Registry struct {
	ID       string
	Entities int
	IDColumn string
	// Write streams the registry as UTF-8 CSV with a header row.
	Write func(io.Writer) error
}

// Dataset is a panel with its descriptor, ready to publish.
type Dataset struct {
	ID       string
	Registry string
	// Entities and Periods are its size: the registry's entities, and the periods
	// from the first to the last.
	Entities, Periods int
	// Descriptor is the YAML that publishes it.
	Descriptor []byte
	// Write streams the data as UTF-8 CSV with a header row: the entity, `period`
	// in ISO 8601, then the measures; a missing value is an empty cell.
	Write func(io.Writer) error
}

// File returns the file name the data go by, "air_daily.csv".
func (d Dataset) File() string { return d.ID + ".csv" }

// Registries returns all registries.
func (g *Generator) Registries() []Registry {
	return []Registry{
		{"districts", len(districts), "id", g.WriteDistricts},
		{"sections", len(sections), "id", g.WriteSections},
		{"enterprises", len(g.enterprises), "id", g.WriteEnterprises},
		{"power_companies", len(powerCompanies), "id", g.WritePowerCompanies},
		{"dust_monitors", g.dustMonitors, "id", g.WriteDustMonitors},
	}
}

// Datasets returns all datasets.
func (g *Generator) Datasets() ([]Dataset, error) {
	water, months, rights, power := 366, 12, 1, 1
	if g.size == SizeFull {
		water, months, rights, power = airDays, 70, 6, 5
	}
	all := []Dataset{
		{ID: "air_daily", Registry: "districts", Periods: airDays, Write: g.WriteAirDaily},
		{ID: "water_daily", Registry: "sections", Periods: water, Write: g.WriteWaterDaily},
		{ID: "enterprise_monthly", Registry: "enterprises", Periods: g.months, Write: g.WriteEnterpriseMonthly},
		{ID: "warnings_monthly", Registry: "enterprises", Periods: months, Write: g.WriteWarningsMonthly},
		{ID: "power_carbon", Registry: "power_companies", Periods: power, Write: g.WritePowerCarbon},
		{ID: "emission_rights", Registry: "enterprises", Periods: rights, Write: g.WriteEmissionRights},
		{ID: "dust_hourly", Registry: "dust_monitors", Periods: 24 * g.dustDays, Write: g.WriteDustHourly},
	}
	entities := map[string]int{}
	for _, r := range g.Registries() {
		entities[r.ID] = r.Entities
	}
	for i := range all {
		all[i].Entities = entities[all[i].Registry]
		var err error
		if all[i].Descriptor, err = Descriptor(all[i].ID); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// airDays are the days from 1 January 2020 to 17 November 2025.
const airDays = 2148

//go:embed descriptors/*.yaml
var descriptorFiles embed.FS

// Descriptor returns the YAML that publishes a dataset: one of
// [Generator.Datasets], or beijing_air, which describes the 12 files of the
// Beijing Multi-Site Air-Quality Data (UCI data set 501).
func Descriptor(id string) ([]byte, error) {
	text, err := descriptorFiles.ReadFile("descriptors/" + id + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("no descriptor for dataset %q: %w", id, err)
	}
	return text, nil
}
