package sandbox

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/node/dev/demo"
	"github.com/weirdata/weir/seeds"
)

// twoAnswers is a report in which the second answer disagrees.
var twoAnswers = demo.Report{
	Answers: []demo.Answer{
		{
			ID: "graded", Title: seeds.Text{EN: "enterprises graded", ZH: "绩效评级企业"}, Label: string(seeds.PublicCount),
			Outcome: seeds.Outcome{Exact: "220", Answer: "220 enterprises", Published: "220 enterprises", Agree: true},
		},
		{
			ID: "pm25_2024", Title: seeds.Text{EN: "PM2.5 mean 2024", ZH: "2024年PM2.5平均浓度"}, Label: string(seeds.Encrypted),
			SQL: []string{"SELECT AVG(pm25) FROM air_daily"},
			Outcome: seeds.Outcome{
				Exact: "42.6", Answer: "43 µg/m³", Published: "41 µg/m³", Note: "a note",
				Detail: &seeds.Result{Columns: []string{"county", "县市区", "kg"}, Rows: [][]string{{"Jingxian", "景县", "7"}, {"Taocheng", "桃城区", "8"}}},
			},
		},
	},
	Receipts: 1,
	Unshown:  []seeds.Figure{{Text: seeds.Text{EN: "river outfalls surveyed"}, Relation: seeds.Exactly, Value: "871", Unit: "outfalls"}},
	Seconds:  1.25,
}

// The exact answer is told where it says more than the answer, and the table
// lines up although its cells are two wide.
func TestDemoReportForPeople(t *testing.T) {
	var out bytes.Buffer
	if err := printReport(&cli.App{Stdout: &out, Output: cli.Table}, twoAnswers, true); err != nil {
		t.Fatal(err)
	}
	table := `what                answer           published        from
enterprises graded  220 enterprises  220 enterprises  public     agrees
PM2.5 mean 2024     43 µg/m³         41 µg/m³         encrypted  DISAGREES

`
	want := table + `enterprises graded  绩效评级企业
  220 enterprises, published 220 enterprises: agrees
  public count

PM2.5 mean 2024  2024年PM2.5平均浓度
  SELECT AVG(pm25) FROM air_daily
  43 µg/m³, published 41 µg/m³: DISAGREES
  encrypted query; exactly 42.6
  a note
    county    县市区  kg
    Jingxian  景县    7
    Taocheng  桃城区  8

`
	got := out.String()
	if !strings.HasPrefix(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if !strings.HasSuffix(got, "\n1 of 2 answers agree; nothing to publish, all data were there; 1 receipt\nverified\n") || !strings.Contains(got, "(871 outfalls)") {
		t.Errorf("it ends\n%s", got)
	}
	var short bytes.Buffer
	if err := printReport(&cli.App{Stdout: &short, Output: cli.Table}, twoAnswers, false); err != nil {
		t.Fatal(err)
	}
	if without := table + got[len(want):]; short.String() != without {
		t.Errorf("without the working\n%s\nwant\n%s", short.String(), without)
	}
	for line := range strings.Lines(got) {
		if n := term.Width(strings.TrimSuffix(line, "\n")); n > term.DefaultColumns {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

// Where there is room the table has the names in Chinese beside the English ones.
func TestDemoTableIsBilingualOnAWideTerminal(t *testing.T) {
	var b strings.Builder
	if err := summary(twoAnswers, 120).Write(&b, 120); err != nil {
		t.Fatal(err)
	}
	want := `what                指标                 answer           published        from
enterprises graded  绩效评级企业         220 enterprises  220 enterprises  public     agrees
PM2.5 mean 2024     2024年PM2.5平均浓度  43 µg/m³         41 µg/m³         encrypted  DISAGREES
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

// With -o json an answer that disagrees fails the command, and stdout still has
// one document: the report.
func TestDemoThatDisagreesFailsAndPrintsOneDocument(t *testing.T) {
	var out, notes bytes.Buffer
	a := &cli.App{Stdout: &out, Stderr: &notes, Output: cli.JSON}
	if err := printReport(a, twoAnswers, false); err != nil {
		t.Fatal(err)
	}
	if code := a.Fail(t.Context(), errDisagree); code != cli.ExitFailed {
		t.Errorf("exit status %d, want %d", code, cli.ExitFailed)
	}
	if !strings.Contains(notes.String(), "does not agree") {
		t.Errorf("stderr: %q", notes.String())
	}
	d := json.NewDecoder(&out)
	var report demo.Report
	if err := d.Decode(&report); err != nil {
		t.Fatal(err)
	}
	if len(report.Answers) != 2 || report.Agree || report.Answers[1].Detail == nil {
		t.Errorf("report %+v", report)
	}
	if err := d.Decode(&struct{}{}); err != io.EOF { //nolint:errorlint // as Decoder returns it
		t.Errorf("after the report: %v, want the end", err)
	}
}
