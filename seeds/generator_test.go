package seeds

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func newGenerator(t testing.TB, o Options) *Generator {
	t.Helper()
	g, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func csvBytes(t testing.TB, write func(io.Writer) error) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := write(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// files writes every registry and dataset to memory.
func files(t testing.TB, g *Generator) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for _, r := range g.Registries() {
		all[r.ID+".csv"] = csvBytes(t, r.Write)
	}
	datasets, err := g.Datasets()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range datasets {
		all[d.File()] = csvBytes(t, d.Write)
	}
	return all
}

// goldenDemo are the SHA-256 digests of every file of the demo with the default
// seed. A change here changes published data: it needs a reason.
var goldenDemo = map[string]string{
	"air_daily.csv":          "7d834c0559f5d184a5ac83b375a85d66b52fd3548d305516d224ad21885aa97f",
	"districts.csv":          "3505e380cc9ab222ec1033b7feec4eb540d8395170a422ee1c80cceb5627a4d6",
	"dust_hourly.csv":        "d97e3f3a14e76c50f7e523a987410863d6b3618b4a7c8fd1e876993a2fcf9890",
	"dust_monitors.csv":      "630a16ea69d1e026edfb9a71b3574f5b70689988ec9a4bd3b8f70bdc386a3a8a",
	"emission_rights.csv":    "c9cb4ae4cee71d4bb154d9fa0e3ab0c3001875a573b87c21cce8ffa0600cc1ee",
	"enterprise_monthly.csv": "15b1f10c062aca88e97014e8ac0d653db766e15ad316402cf3c59f476ae32a2b",
	"enterprises.csv":        "089ff116b859327e614403620bfe488dc8262085554ed82869635a4defcc9d81",
	"power_carbon.csv":       "08bd5515e15b40ffa971894087cbb0a7d30a55df9e454f6ff73200b4f9b32193",
	"power_companies.csv":    "363be3d70442817fe1b17cdd35ed72a0cd53b844f8ad9a5fd19daad55904be7f",
	"sections.csv":           "3570bffa5709e4502e6100f3e3a1b32c97f070cb29fd15889a92fc0981b4e509",
	"warnings_monthly.csv":   "ff9c5b153e122ca1e53325921a4179a09efb01cbe90a7517870988c0e82e9470",
	"water_daily.csv":        "281cc49f6ecec20f88be9582a7f7e7f2a73ec1dc7077b7297f157b64fd6548a1",
}

func TestDemoFilesAreTheSameBytesEverywhere(t *testing.T) {
	all := files(t, newGenerator(t, Options{}))
	if len(all) != len(goldenDemo) {
		t.Errorf("%d files, want %d", len(all), len(goldenDemo))
	}
	for name, data := range all {
		digest := sha256.Sum256(data)
		if got := hex.EncodeToString(digest[:]); got != goldenDemo[name] {
			t.Errorf("%q: %q, want %q", name, got, goldenDemo[name])
		}
	}
}

func TestAnotherSeedGivesOtherDataAndTheSameFigures(t *testing.T) {
	base := newGenerator(t, Options{})
	for _, seed := range []uint64{1, 2, 1 << 63} {
		g := newGenerator(t, Options{Seed: seed})
		air := csvBytes(t, g.WriteAirDaily)
		if bytes.Equal(air, csvBytes(t, base.WriteAirDaily)) {
			t.Errorf("seed %d writes the air of the default seed", seed)
		}
		checkAirFigures(t, air)
	}
}

func TestASmallSizeIsPartOfTheFullSize(t *testing.T) {
	demo := newGenerator(t, Options{EnterpriseMonths: 1})
	full := newGenerator(t, Options{Size: SizeFull, DustMonitors: 60, DustDays: 8})
	lines := func(data []byte) [][]byte { return bytes.Split(data, []byte("\n")) }
	for name, write := range map[string][2]func(io.Writer) error{
		"enterprises":      {demo.WriteEnterprises, full.WriteEnterprises},
		"air_daily":        {demo.WriteAirDaily, full.WriteAirDaily},
		"water_daily":      {demo.WriteWaterDaily, full.WriteWaterDaily},
		"warnings_monthly": {demo.WriteWarningsMonthly, full.WriteWarningsMonthly},
		"dust_hourly":      {demo.WriteDustHourly, full.WriteDustHourly},
		"power_carbon":     {demo.WritePowerCarbon, full.WritePowerCarbon},
		"emission_rights":  {demo.WriteEmissionRights, full.WriteEmissionRights},
	} {
		known := map[string]bool{}
		for _, line := range lines(csvBytes(t, write[1])) {
			known[string(line)] = true
		}
		for _, line := range lines(csvBytes(t, write[0])) {
			if !known[string(line)] {
				t.Fatalf("%s: the full size has no line %q", name, line)
			}
		}
	}
	for _, month := range []int{demoFirstMonth, demoFirstMonth + 11} {
		if demo.emission(7, month, noxKg) != full.emission(7, month, noxKg) {
			t.Errorf("month %d: the full size has another value", month)
		}
	}
}

func TestFullSizeCoversTheMonthsAndYearsItSays(t *testing.T) {
	g := newGenerator(t, Options{Size: SizeFull, DustMonitors: 55, DustDays: 1})
	for name, c := range map[string]struct {
		write       func(io.Writer) error
		first, last string
		rows        int
	}{
		"water_daily":      {g.WriteWaterDaily, "2020-01-01", "2025-11-17", 13 * 2148},
		"warnings_monthly": {g.WriteWarningsMonthly, "2020-01", "2025-10", 6243 * 70},
		"emission_rights":  {g.WriteEmissionRights, "2020", "2025", 25137 * 6},
		"power_carbon":     {g.WritePowerCarbon, "2020", "2024", 20},
		"dust_hourly":      {g.WriteDustHourly, "2024-05-01T00", "2024-05-01T23", 55 * 24},
	} {
		lines := strings.Split(strings.TrimSuffix(string(csvBytes(t, c.write)), "\n"), "\n")[1:]
		period := func(line string) string { return strings.Split(line, ",")[1] }
		if got := [2]string{period(lines[0]), period(lines[len(lines)-1])}; got != [2]string{c.first, c.last} {
			t.Errorf("%s: periods %q, want %s to %s", name, got, c.first, c.last)
		}
		if len(lines) != c.rows {
			t.Errorf("%s: %d rows, want %d", name, len(lines), c.rows)
		}
	}
	if g.months != 70 || monthText(g.months-1) != "2025-10" {
		t.Errorf("enterprise_monthly has %d months, the last is %s", g.months, monthText(g.months-1))
	}
}

// What a Registry and a Dataset say of their size is what they write.
func TestSizesAreThoseOfTheFiles(t *testing.T) {
	for _, o := range []Options{{}, {Size: SizeFull, DustMonitors: 55, DustDays: 2}} {
		g := newGenerator(t, o)
		for _, r := range g.Registries() {
			if n := len(tableOf(t, csvBytes(t, r.Write)).rows); n != r.Entities {
				t.Errorf("%s: %d rows, says %d", r.ID, n, r.Entities)
			}
		}
		datasets, err := g.Datasets()
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range datasets {
			if d.ID == "enterprise_monthly" && o.Size == SizeFull {
				continue // 100 MB; TestFullSizeCoversTheMonthsAndYearsItSays has its months
			}
			periods := map[string]bool{}
			for _, row := range tableOf(t, csvBytes(t, d.Write)).rows {
				periods[row[1]] = true
			}
			if len(periods) != d.Periods {
				t.Errorf("%s: %d periods, says %d", d.ID, len(periods), d.Periods)
			}
			for _, r := range g.Registries() {
				if r.ID == d.Registry && r.Entities != d.Entities {
					t.Errorf("%s: %d entities, its registry has %d", d.ID, d.Entities, r.Entities)
				}
			}
		}
	}
}

func TestOptionsOutOfRangeAreRefusedByName(t *testing.T) {
	for name, o := range map[string]Options{
		"Size":             {Size: 2},
		"EnterpriseMonths": {EnterpriseMonths: 13},
		"all months":       {Size: SizeFull, EnterpriseMonths: 3},
		"DustMonitors":     {DustMonitors: 54},
		"DustDays":         {DustDays: -1},
	} {
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v does not name it", name, err)
		}
	}
}

type brokenWriter struct{ left int }

var errBroken = errors.New("broken")

func (b *brokenWriter) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, errBroken
	}
	return len(p), nil
}

func TestWritersReportTheErrorUnderneath(t *testing.T) {
	g := newGenerator(t, Options{})
	datasets, err := g.Datasets()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range datasets {
		if err := d.Write(&brokenWriter{left: 60}); !errors.Is(err, errBroken) {
			t.Errorf("%s: %v", d.ID, err)
		}
	}
	for _, r := range g.Registries() {
		if err := r.Write(&brokenWriter{left: 60}); !errors.Is(err, errBroken) {
			t.Errorf("%s: %v", r.ID, err)
		}
	}
}

func TestFixedWritesExactDecimals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.Int64Range(0, 1<<40).Draw(t, "value")
		decimals := rapid.IntRange(0, 6).Draw(t, "decimals")
		var out bytes.Buffer
		r := newRows(&out)
		r.fixed(value, decimals)
		r.end()
		if err := r.close("test"); err != nil {
			t.Fatal(err)
		}
		text := strings.TrimSpace(out.String())
		got, err := number(text)
		if err != nil {
			t.Fatal(err)
		}
		if back := got.FloatString(decimals); back != text {
			t.Fatalf("%d with %d decimals: wrote %s, which reads as %s", value, decimals, text, back)
		}
	})
}

func BenchmarkDemoFiles(b *testing.B) {
	var size int
	for b.Loop() {
		size = 0
		for _, data := range files(b, newGenerator(b, Options{})) {
			size += len(data)
		}
	}
	b.ReportMetric(float64(size)/1e6, "MB/op")
}
