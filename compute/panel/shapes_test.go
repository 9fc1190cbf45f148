package panel_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"

	"github.com/weirdata/weir/compute/panel"
)

// descriptor is one of public data: entity, period and measures, and further lines.
func descriptor(entity, period, measures, more string) string {
	return "dataset: d\ntitle: {en: d}\nlicense: CC0-1.0\nentity: " + entity + "\nperiod: " + period + "\nutc_offset: \"+08:00\"\nmeasures:\n" + measures +
		"policy: {aggregates: [count, sum, avg], public: true}\n" + more
}

const (
	aMeasure  = "  - {name: x, column: X, unit: kg, range: [-1000, 100000], decimals: 1}\n"
	rounded   = "  - {name: x, column: X, unit: kg, range: [-1000, 100000], decimals: 1, round: half_even}\n"
	limited   = "  - {name: x, column: X, unit: kg, range: [0, 1000], decimals: 2, detection_limit: 0.03}\n"
	twoOf     = "  - {name: no2, column: NO2, unit: g, range: [0, 100]}\n  - {name: o3, column: O3, unit: g, range: [0, 100]}\n"
	byStation = "{column: s}"
	byMonth   = "{column: m, grain: month}"
	byHour    = "{column: t, grain: hour}"
	byDay     = "{column: d, grain: day}"
)

// values are the readings of a panel: entity@period measure=value, in order.
func values(t *testing.T, p *panel.Panel, src *panel.Source) string {
	t.Helper()
	var out []string
	grain := src.Descriptor.Grain
	for e, id := range p.Entities {
		for k := range p.Periods {
			for _, c := range p.Columns {
				cell := k*len(p.Entities) + e
				if !c.Present.Test(uint(cell)) {
					continue
				}
				var v [1]int64
				if err := c.Values.Read(cell, v[:]); err != nil {
					t.Fatal(err)
				}
				out = append(out, fmt.Sprintf("%s@%s %s=%d", id, grain.Format(p.First+int64(k)), c.Measure.Name, v[0]+c.Measure.Mid()))
			}
		}
	}
	return strings.Join(out, "; ")
}

func latin1(t *testing.T, s string) string {
	t.Helper()
	out, err := charmap.Windows1252.NewEncoder().String(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// What a descriptor says of how files are read: the readings that come of it, or the fault.
func TestFilesAreReadAsTheDescriptorSays(t *testing.T) {
	head := "s,m,X\n"
	for name, c := range map[string]struct {
		descriptor, file, content, want string
	}{
		// Encodings.
		"Latin-1 inside a word": {descriptor(byStation, byMonth, aMeasure, ""), "f.csv", latin1(t, head+"Köln,2024-01,1\nMünchen,2024-01,2\n"),
			`f.csv:2: is not UTF-8, and may be GB 18030 or Windows-1252 (Latin-1): this is "K鰈n" in the one, "Köln" in the other; say in the descriptor which it is: encoding: gb18030, or encoding: windows-1252`},
		"Latin-1 before a comma": {descriptor(byStation, byMonth, aMeasure, ""), "f.csv", latin1(t, head+"Malmö,2024-01,1\n"),
			`f.csv:2: is neither UTF-8 nor GB 18030; read as Windows-1252 (Latin-1) this is "Malmö"`},
		"Latin-1, declared":  {descriptor(byStation, byMonth, aMeasure, "encoding: latin1\n"), "f.csv", latin1(t, head+"Köln,2024-01,1\n"), "Köln@2024-01 x=10"},
		"GB 18030, declared": {descriptor(byStation, byMonth, aMeasure, "encoding: GBK\n"), "f.csv", gb18030(t, head+"K鰈n,2024-01,1\n"), "K鰈n@2024-01 x=10"},
		"GB 18030 beside letters": {descriptor(byStation, byMonth, aMeasure, ""), "f.csv", gb18030(t, head+"北京A站,2024-01,1\n朝阳PM2.5浓度,2024-01,2\n镕化厂B,2024-01,3\n"),
			"北京A站@2024-01 x=10; 朝阳PM2.5浓度@2024-01 x=20; 镕化厂B@2024-01 x=30"},

		// Missing, invalid, censored.
		"a number is missing whatever its zeros": {descriptor(byStation, byMonth, aMeasure, "missing: [-99, NA]\n"), "f.csv", head + "a,2024-01,-99.0\na,2024-02,-99.00\na,2024-03,NA\na,2024-04,-98.9\na,2024-05, -99 \n", "a@2024-04 x=-989"},
		"missing of one measure": {descriptor(byStation, byMonth,
			"  - {name: pres, unit: hPa, range: [800, 1100], decimals: 1, missing: [9999.0]}\n  - {name: atmp, unit: degC, range: [-60, 60], decimals: 1, missing: [999.0]}\n", ""),
			"f.csv", "s,m,pres,atmp\nb,2024-01,999.0,12.1\nb,2024-02,1001.2,999\nb,2024-03,9999,11.0\n", "b@2024-01 pres=9990; b@2024-01 atmp=121; b@2024-02 pres=10012; b@2024-03 atmp=110"},
		"more decimals than the measure": {descriptor(byStation, byMonth, aMeasure, "missing: [-999.99]\n"), "f.csv", head + "a,2024-01,-999.990\na,2024-02,5\n", "a@2024-02 x=50"},
		"flags":                          {descriptor(byStation, byMonth, aMeasure, "valid: {flag: [V, 1]}\n"), "f.csv", "s,m,X,flag\na,2024-01,1,V\na,2024-02,2,I\na,2024-03,3,1.0\n", "a@2024-01 x=10; a@2024-03 x=30"},
		"rows that count":                {descriptor(byStation, byMonth, aMeasure, "rows: {kind: hourly}\n"), "f.csv", "s,m,X,kind\na,2024-01,1,hourly\na,2024-01,2,mean\n", "a@2024-01 x=10"},
		"half of a limit":                {descriptor(byStation, byMonth, limited, "censored: {below: half}\n"), "f.csv", head + "a,2024-01,<0.05\na,2024-02,＜ 0.1\na,2024-03,0.05\n", "a@2024-01 x=2; a@2024-02 x=5; a@2024-03 x=5"},
		"zero":                           {descriptor(byStation, byMonth, limited, "censored: {below: zero}\n"), "f.csv", head + "a,2024-01,<0.05\n", "a@2024-01 x=0"},
		"the limit":                      {descriptor(byStation, byMonth, limited, "censored: {below: limit, above: limit}\n"), "f.csv", head + "a,2024-01,<0.05\na,2024-02,>=900\n", "a@2024-01 x=5; a@2024-02 x=90000"},
		"dropped":                        {descriptor(byStation, byMonth, limited, "censored: {below: drop}\n"), "f.csv", head + "a,2024-01,<0.05\na,2024-02,1\n", "a@2024-02 x=100"},
		"not detected":                   {descriptor(byStation, byMonth, limited, "censored: {below: limit, undetected: [ND, 未检出]}\n"), "f.csv", head + "a,2024-01,ND\na,2024-02,未检出\n", "a@2024-01 x=3; a@2024-02 x=3"},
		"signs":                          {descriptor(byStation, byMonth, limited, "censored: {below: zero, qualifiers: {J: keep, U: below, R: drop}}\n"), "f.csv", head + "a,2024-01,0.07 J\na,2024-02,0.05U\na,2024-03,9 R\n", "a@2024-01 x=7; a@2024-02 x=0"},
		"no rule":                        {descriptor(byStation, byMonth, limited, ""), "f.csv", head + "a,2024-01,<0.05\n", `f.csv:2: column X: "<0.05" is known to be below a limit only; say what it stands for in the descriptor: censored: {below: half}, or zero, limit, drop`},
		"no rule for this":               {descriptor(byStation, byMonth, limited, "censored: {below: half}\n"), "f.csv", head + "a,2024-01,>5\n", `">5" is known to be above a limit only`},
		"an unknown sign":                {descriptor(byStation, byMonth, limited, "censored: {below: half}\n"), "f.csv", head + "a,2024-01,0.07 J\n", `"0.07 J" is no number`},

		// Numbers.
		"a point in a file with semicolons":      {descriptor(byStation, byMonth, aMeasure, ""), "f.csv", "s;m;X\na;2024-01;1.012\n", `"1.012" may be 1.012 or 1012`},
		"declared thousands":                     {descriptor(byStation, byMonth, aMeasure, "numbers: {decimal: \",\", thousands: \".\"}\n"), "f.csv", "s;m;X\na;2024-01;1.012\na;2024-02;1.012,5\na;2024-03;12,5\n", "a@2024-01 x=10120; a@2024-02 x=10125; a@2024-03 x=125"},
		"no thousands of nothing":                {descriptor(byStation, byMonth, aMeasure, "numbers: {decimal: \",\", thousands: \".\"}\n"), "f.csv", "s;m;X\na;2024-01;0.012\n", `f.csv:2: column X: "0.012" is no number`},
		"numbers beside declared commas":         {descriptor(byStation, byMonth, aMeasure, "numbers: {decimal: \",\"}\n"), "f.json", `{"s":"a","m":"2024-01","X":1.5}` + "\n" + `{"s":"a","m":"2024-02","X":"2,5"}`, "a@2024-01 x=15; a@2024-02 x=25"},
		"numbers beside declared thousands":      {descriptor(byStation, byMonth, aMeasure, "numbers: {decimal: \",\", thousands: \".\"}\n"), "f.json", `{"s":"a","m":"2024-01","X":1.012}`, `"1.012" is 1.012 where the cell is a number, and 1012 as numbers are declared to be written; leave numbers out`},
		"a declared point":                       {descriptor(byStation, byMonth, strings.Replace(aMeasure, "decimals: 1", "decimals: 3", 1), "numbers: {decimal: \".\"}\n"), "f.csv", "s;m;X\na;2024-01;1.012\n", "a@2024-01 x=1012"},
		"a point where commas are declared":      {descriptor(byStation, byMonth, aMeasure, "numbers: {decimal: \",\"}\n"), "f.csv", "s;m;X\na;2024-01;1.5\n", `"1.5" is no number; numbers are said to be written with "," for decimals`},
		"commas between thousands":               {descriptor(byStation, byMonth, aMeasure, "numbers: {thousands: \",\"}\n"), "f.csv", head + "a,2024-01,\"12,345.5\"\n", "a@2024-01 x=123455"},
		"groups that are none":                   {descriptor(byStation, byMonth, aMeasure, "numbers: {thousands: \",\"}\n"), "f.csv", head + "a,2024-01,\"12,34.5\"\n", `"12,34.5" is no number`},
		"rounded to the even digit":              {descriptor(byStation, byMonth, rounded, ""), "f.csv", head + "a,2024-01,0.25\na,2024-02,0.35\na,2024-03,-0.25\na,2024-04,0.2500001\na,2024-05,-0.36\n", "a@2024-01 x=2; a@2024-02 x=4; a@2024-03 x=-2; a@2024-04 x=3; a@2024-05 x=-4"},
		"a missing number that would be rounded": {descriptor(byStation, byMonth, rounded, "missing: [-999.99]\n"), "f.csv", head + "a,2024-01,-999.99\na,2024-02,1\n", "a@2024-02 x=10"},

		"commas for decimals before a column without header": {descriptor(byStation, byMonth, aMeasure, ""), "f.csv", "s,m,X,\na,2024-01,1,5\na,2024-02,2,\n",
			`f.csv:2: has "5" in column 4, which has no header; give the column a header, or empty it; a number with a comma`},
		"empty columns at the end, and row numbers": {descriptor(byStation, byMonth, aMeasure, ""), "f.csv", ",s,m,X,,\n0,a,2024-01,1,, \n", "a@2024-01 x=10"},
		"a byte order mark against the descriptor":  {descriptor(byStation, byMonth, aMeasure, "encoding: gb18030\n"), "f.csv", "\uFEFF" + head + "县,2024-01,1\n", "县@2024-01 x=10"},
		"missing and not detected":                  {descriptor(byStation, byMonth, limited, "missing: [ND]\ncensored: {below: half, undetected: [ND]}\n"), "f.csv", head, `"ND" is listed under missing, too; leave it out of one of them`},

		// Times.
		"other notations":     {descriptor(byStation, byDay, aMeasure, ""), "f.csv", "s,d,X\na,2024/1/5,1\na,2024年1月6日,2\na,20240107,3\na,2024.01.08,4\na,2024-01-09 00:00:00,5\n", "a@2024-01-05 x=10; a@2024-01-06 x=20; a@2024-01-07 x=30; a@2024-01-08 x=40; a@2024-01-09 x=50"},
		"months":              {descriptor(byStation, byMonth, aMeasure, ""), "f.csv", head + "a,2024年1月,1\na,202402,2\na,2024/3,3\na,2024-04-01,4\n", "a@2024-01 x=10; a@2024-02 x=20; a@2024-03 x=30; a@2024-04 x=40"},
		"quarters in Chinese": {descriptor(byStation, "{column: m, grain: quarter}", aMeasure, ""), "f.csv", head + "a,2024年第1季度,1\na,2024Q2,2\n", "a@2024-Q1 x=10; a@2024-Q2 x=20"},
		"a declared format":   {descriptor(byStation, `{column: d, grain: day, format: "DD/MM/YYYY"}`, aMeasure, ""), "f.csv", "s,d,X\na,01/05/2024,1\na,13/05/2024,2\n", "a@2024-05-01 x=10; a@2024-05-13 x=20"},
		"months by name":      {descriptor(byStation, `{column: d, grain: hour, format: "D-MMM-YYYY h:mm A"}`, aMeasure, ""), "f.csv", "s,d,X\na,5-Jan-2024 1:00 PM,1\n", `"h" is no part of a date`},
		"half days":           {descriptor(byStation, `{column: d, grain: hour, format: "D-MMM-YYYY hh:mm A"}`, aMeasure, ""), "f.csv", "s,d,X\na,5-Jan-2024 1:00 PM,1\na,5-Jan-2024 12:00 AM,2\n", "a@2024-01-05T00 x=20; a@2024-01-05T13 x=10"},
		"not of the format":   {descriptor(byStation, `{column: d, grain: day, format: "DD/MM/YYYY"}`, aMeasure, ""), "f.csv", "s,d,X\na,2024-05-01,1\n", `"2024-05-01" is not of the format "DD/MM/YYYY"`},
		"day or month first":  {descriptor(byStation, byDay, aMeasure, ""), "f.csv", "s,d,X\na,01/05/2024,1\n", `"01/05/2024" may begin with the day or the month; say which in the descriptor: period: {format: "D/M/YYYY"}, or "M/D/YYYY"`},
		"two digits":          {descriptor(byStation, byDay, aMeasure, ""), "f.csv", "s,d,X\na,01/05/24,1\n", `"01/05/24" has a year of two digits; nobody can tell the century`},
		"a format of two":     {descriptor(byStation, `{column: d, grain: day, format: "DD/MM/YY"}`, aMeasure, ""), "f.csv", "", "years have four digits"},
		"offsets":             {descriptor(byStation, byHour, aMeasure, ""), "f.csv", "s,t,X\na,2024-01-01T20:00:00Z,1\na,2024-01-02T03:00+06:00,2\na,2024-01-02 06:00,3\n", "a@2024-01-02T04 x=10; a@2024-01-02T05 x=20; a@2024-01-02T06 x=30"},
		"an odd offset":       {descriptor(byStation, byHour, aMeasure, ""), "f.csv", "s,t,X\na,2024-01-01T20:00:00+04:30,1\n", `its offset is another: utc_offset: "+04:30" would be its own`},
		"seconds":             {descriptor(byStation, "{column: t, grain: hour, format: epoch}", aMeasure, ""), "f.csv", "s,t,X\na,1577836800,1\n", "a@2020-01-01T08 x=10"},
		"seconds, undeclared": {descriptor(byStation, byHour, aMeasure, ""), "f.csv", "s,t,X\na,1577836800,1\n", "if it counts seconds or milliseconds since 1970 say so: period: {format: epoch}, or epoch_ms"},
		"days of Excel":       {descriptor(byStation, "{column: t, grain: hour, format: excel}", aMeasure, ""), "f.csv", "s,t,X\na,43832.4166666667,1\n", "a@2020-01-02T10 x=10"},
		"hours 1 to 24": {descriptor(byStation, "{columns: [y, m, d, h], grain: hour, stamp: end}", aMeasure, ""), "f.csv", "s,y,m,d,h,X\na,2024,1,1,1,1\na,2024,1,1,24,24\na,2024,1,2,1,25\n",
			"a@2024-01-01T00 x=10; a@2024-01-01T23 x=240; a@2024-01-02T00 x=250"},
		"hours that begin": {descriptor(byStation, "{columns: [y, m, d, h], grain: hour, stamp: begin}", aMeasure, ""), "f.csv", "s,y,m,d,h,X\na,2024,1,1,24,24\n", "a@2024-01-02T00 x=240"},
		"hour 24":          {descriptor(byStation, "{columns: [y, m, d, h], grain: hour}", aMeasure, ""), "f.csv", "s,y,m,d,h,X\na,2024,1,1,24,24\n", "say which end of an hour its number names: period: {stamp: end}, or begin"},
		"a text with 24:00": {descriptor(byStation, "{column: t, grain: hour, stamp: end}", aMeasure, ""), "f.csv", "s,t,X\na,2024-01-01 24:00,24\na,2024-01-01 01:00,1\n",
			"a@2024-01-01T00 x=10; a@2024-01-01T23 x=240"},
		"date and time": {descriptor(byStation, `{columns: [date, time], grain: hour, format: "DD/MM/YYYY HH:mm", stamp: end}`, aMeasure, ""), "f.csv", "s,date,time,X\na,01/02/2020,01:00,1\na,01/02/2020,24:00,2\n",
			"a@2020-02-01T00 x=10; a@2020-02-01T23 x=20"},
		"half hours": {descriptor(byStation, byHour, aMeasure, ""), "f.csv", "s,t,X\na,2024-01-01T00:30,1\n", "begins no hour; where there is a row for each say period: {grain: half_hour}; else make means or sums of each hour first"},

		"half hours, declared": {descriptor(byStation, "{column: t, grain: half_hour}", aMeasure, ""), "f.csv", "s,t,X\na,2024-01-01T00:30,1\na,2024-01-01 01:00,2\na,2024-01-01T02:00:00+00:30,3\na,202401011030,4\n",
			"a@2024-01-01T00:30 x=10; a@2024-01-01T01:00 x=20; a@2024-01-01T09:30 x=30; a@2024-01-01T10:30 x=40"},
		"half hours that end": {descriptor(byStation, "{column: t, grain: half_hour, stamp: end}", aMeasure, ""), "f.csv", "s,t,X\na,2024-01-01T00:30,1\na,2024-01-01 24:00,2\na,2024-01-02T00:30:00,3\n",
			"a@2024-01-01T00:00 x=10; a@2024-01-01T23:30 x=20; a@2024-01-02T00:00 x=30"},
		"quarter hours in columns": {descriptor(byStation, "{columns: [y, m, d, h, n], grain: quarter_hour, stamp: end}", aMeasure, ""), "f.csv", "s,y,m,d,h,n,X\na,2024,1,1,0,15,1\na,2024,1,1,24,0,2\na,2024,1,2,0,45,3\n",
			"a@2024-01-01T00:00 x=10; a@2024-01-01T23:45 x=20; a@2024-01-02T00:30 x=30"},
		"date and time of quarter hours": {descriptor(byStation, `{columns: [date, time], grain: quarter_hour}`, aMeasure, ""), "f.csv", "s,date,time,X\na,2024-01-01,10:15,1\na,2024-01-01,10:30,2\n",
			"a@2024-01-01T10:15 x=10; a@2024-01-01T10:30 x=20"},
		"a minute that begins nothing": {descriptor(byStation, "{columns: [y, m, d, h, n], grain: half_hour}", aMeasure, ""), "f.csv", "s,y,m,d,h,n,X\na,2024,1,1,0,15,1\n", `f.csv:2: column n: minute "15" begins no half_hour; want a multiple of 30 below 60`},
		"a quarter among half hours":   {descriptor(byStation, "{column: t, grain: half_hour}", aMeasure, ""), "f.csv", "s,t,X\na,2024-01-01T00:15,1\n", "which begins no half_hour; where there is a row for each say period: {grain: quarter_hour}; else"},
		"minutes among quarter hours":  {descriptor(byStation, "{column: t, grain: quarter_hour}", aMeasure, ""), "f.csv", "s,t,X\na,2024-01-01T00:07,1\n", "which begins no quarter_hour; make means or sums of each quarter_hour first; quarter-hours are the finest periods"},
		"an hour among half hours":     {descriptor(byStation, "{column: t, grain: half_hour}", aMeasure, ""), "f.csv", "s,t,X\na,2024-01-01T00,1\n", `"2024-01-01T00" is an hour; want half_hours as 2024-05-24T13:30`},
		"half hours of seconds":        {descriptor(byStation, "{column: t, grain: half_hour, format: epoch}", aMeasure, ""), "f.csv", "s,t,X\na,1577838600,1\n", "a@2020-01-01T08:30 x=10"},
		"half hours of a format":       {descriptor(byStation, `{column: t, grain: half_hour, format: "DD/MM/YYYY HH:mm"}`, aMeasure, ""), "f.csv", "s,t,X\na,01/02/2020 13:30,1\n", "a@2020-02-01T13:30 x=10"},
		"a format without the minute":  {descriptor(byStation, `{column: t, grain: half_hour, format: "DD/MM/YYYY HH"}`, aMeasure, ""), "f.csv", "s,t,X\na,01/02/2020 13,1\n", `is an hour; want half_hours`},
		"an offset of half an hour":    {descriptor(byStation, "{column: t, grain: half_hour}", aMeasure, ""), "f.csv", "s,t,X\na,2024-01-01T20:00:00+04:30,1\n", "a@2024-01-01T23:30 x=10"},
		"weeks":                        {descriptor(byStation, "{column: w, grain: week}", aMeasure, ""), "f.csv", "s,w,X\na,2024-W05,1\na,2024W6,2\na,2024年第7周,3\na,2024-02-19,4\n", "a@2024-W05 x=10; a@2024-W06 x=20; a@2024-W07 x=30; a@2024-W08 x=40"},
		"weeks around a year's end":    {descriptor(byStation, "{columns: [y, w], grain: week}", aMeasure, ""), "f.csv", "s,y,w,X\na,2020,53,1\na,2021,1,2\n", "a@2020-W53 x=10; a@2021-W01 x=20"},
		"a week that there is not":     {descriptor(byStation, "{columns: [y, w], grain: week}", aMeasure, ""), "f.csv", "s,y,w,X\na,2021,53,1\n", `there is no week "53" in "2021"; want 1 to 52`},
		"a text of a week that is not": {descriptor(byStation, "{column: w, grain: week}", aMeasure, ""), "f.csv", "s,w,X\na,2021-W53,1\n", `period "2021-W53" does not exist: an ISO year has 52 or 53 weeks`},
		"a day that begins no week":    {descriptor(byStation, "{column: w, grain: week}", aMeasure, ""), "f.csv", "s,w,X\na,2024-02-20,1\n", `"2024-02-20" begins no week; write 2024-W08, if all of it is meant`},
		"weeks among days":             {descriptor(byStation, byDay, aMeasure, ""), "f.csv", "s,d,X\na,2024-W05,1\n", `"2024-W05" is a week; want days as 2024-05-24; where there is a row for each week say period: {grain: week}`},
		"weeks among months":           {descriptor(byStation, byMonth, aMeasure, ""), "f.csv", head + "a,2024-W05,1\n", `"2024-W05" is a week, and weeks lie in no month; want months as 2024-05, or say period: {grain: week}`},
		"which end of a week":          {descriptor(byStation, "{column: w, grain: week, stamp: end}", aMeasure, ""), "f.csv", "", "period.stamp: is of hours, and the grain is week; leave it out"},
		"columns of too few parts":     {descriptor(byStation, "{columns: [y, m, d, h], grain: half_hour}", aMeasure, ""), "f.csv", "", `4 columns for periods of one half_hour; want 5: ["year" "month" "day" "hour" "minute"], or 2: ["date", "time"]`},

		// Identity.
		"blanks around ids and other forms of letters": {descriptor(byStation, byMonth, aMeasure, ""), "f.csv", head + " a\u00a0,2024-01,1\na,2024-02,2\nZu\u0308rich,2024-01,3\nZ\u00fcrich,2024-02,4\n",
			"Zürich@2024-01 x=30; Zürich@2024-02 x=40; a@2024-01 x=10; a@2024-02 x=20"},
		"renamed": {descriptor(byStation, byMonth, aMeasure, "rename: {s: {A-1: A1}}\n"), "f.csv", head + "A-1,2024-01,1\nA1,2024-02,2\n", "A1@2024-01 x=10; A1@2024-02 x=20"},

		// Shapes.
		"long":                     {descriptor(byStation, byMonth, twoOf, "parameter: {column: p, value: v}\n"), "f.csv", "s,p,m,v\na,NO2,2024-01,5\na,O3,2024-01,6\na,CO,2024-01,x\nb,O3,2024-02,7\n", "a@2024-01 no2=5; a@2024-01 o3=6; b@2024-02 o3=7"},
		"long, twice":              {descriptor(byStation, byMonth, twoOf, "parameter: {column: p, value: v}\n"), "f.csv", "s,p,m,v\na,NO2,2024-01,5\na,O3,2024-01,6\na,NO2,2024-01,7\n", `f.csv:4: "a" has a reading of no2 for 2024-01 already: f.csv:2`},
		"long, not declared":       {descriptor(byStation, byMonth, "  - {name: v, unit: g, range: [0, 100]}\n", ""), "f.csv", "s,p,m,v\na,NO2,2024-01,5\na,O3,2024-01,6\n", "where each row is of one parameter say parameter: {column: …, value: …}"},
		"entities as columns":      {descriptor("{column: s}", byMonth, "  - {name: x, unit: g, range: [0, 100]}\n", "wide: {columns: entities, except: [note]}\n"), "f.csv", "m,A,note,B\n2024-01,1,n,2\n2024-02,,n,3\n", "A@2024-01 x=1; B@2024-01 x=2; B@2024-02 x=3"},
		"and a parameter":          {descriptor("{column: s}", "{columns: [date, hour], grain: hour}", "  - {name: pm25, column: PM2.5, unit: g, range: [0, 100]}\n", "wide: {columns: entities}\nparameter: {column: type}\n"), "f.csv", "date,hour,type,1001A,1002A\n20240101,0,AQI,10,x\n20240101,0,PM2.5,11,\n20240101,1,PM2.5,12,22\n", "1001A@2024-01-01T00 pm25=11; 1001A@2024-01-01T01 pm25=12; 1002A@2024-01-01T01 pm25=22"},
		"periods as columns":       {descriptor("{column: id, attributes: [{name: who, column: Name}]}", "{grain: year}", "  - {name: co2, column: \"* direct\", unit: t, range: [0, 1000000], decimals: 1}\n  - {name: ch4, column: \"* methane\", unit: t, range: [0, 100]}\n", "wide: {columns: periods}\nnumbers: {thousands: \",\"}\n"), "f.csv", "id,Name,2021 direct,2022 direct,2021 methane,old direct\np,Plant A,\"123,456.7\",\"120,000\",5,1\n", "p@2021 co2=1234567; p@2021 ch4=5; p@2022 co2=1200000"},
		"no such columns":          {descriptor("{column: id}", "{grain: year}", "  - {name: co2, column: \"* direct\", unit: t, range: [0, 1000000]}\n", "wide: {columns: periods}\n"), "f.csv", "id,a,b\np,1,2\n", "no column is one of the periods"},
		"one entity":               {descriptor("{column: s, constant: Beijing}", byMonth, aMeasure, ""), "f.csv", "m,X\n2024-01,1\n", "Beijing@2024-01 x=10"},
		"the entity in the name":   {descriptor(`{file: "PRSA_*_2013.csv"}`, byMonth, aMeasure, ""), "dir/PRSA_Gucheng_2013.csv.gz", "m,X\n2024-01,1\n", "Gucheng@2024-01 x=10"},
		"no entity in the name":    {descriptor(`{file: "PRSA_*_2013.csv"}`, byMonth, aMeasure, ""), "dir/other.csv", "m,X\n2024-01,1\n", `dir/other.csv: its name does not match entity.file: "PRSA_*_2013.csv"`},
		"an id of several columns": {descriptor("{columns: [st, co, no], attributes: [{name: county, column: co}]}", byMonth, aMeasure, ""), "f.csv", "st,co,no,m,X\n01,073,0023,2024-01,1\n01,089,0023,2024-01,2\n", "01-073-0023@2024-01 x=10; 01-089-0023@2024-01 x=20"},
		"a column that may lack":   {descriptor(byStation, byMonth, aMeasure+"  - {name: y, column: Y, unit: kg, range: [0, 10], optional: true}\n", ""), "f.csv", head + "a,2024-01,1\n", "a@2024-01 x=10"},
		"means":                    {descriptor(byStation, byMonth, aMeasure, "replicates: mean\n"), "f.csv", head + "a,2024-01,0.1\na,2024-01,0.2\nb,2024-01,-0.3\nb,2024-01,-0.2\na,2024-02,1\nb,2024-01,\nc,2024-01,0.1\nc,2024-01,0.1\nc,2024-01,0.3\n", "a@2024-01 x=2; a@2024-02 x=10; b@2024-01 x=-2; c@2024-01 x=2"},
		"the last one":             {descriptor(byStation, byMonth, aMeasure, "replicates: last\n"), "f.csv", head + "a,2024-01,1\na,2024-01,2\na,2024-01,\n", "a@2024-01 x=20"},
		"the first one":            {descriptor(byStation, byMonth, aMeasure, "replicates: first\n"), "f.csv", head + "a,2024-01,\na,2024-01,1\na,2024-01,2\n", "a@2024-01 x=10"},
		"long, means":              {descriptor(byStation, byMonth, twoOf, "parameter: {column: p, value: v}\nreplicates: mean\n"), "f.csv", "s,p,m,v\na,NO2,2024-01,5\na,O3,2024-01,6\na,NO2,2024-01,9\n", "a@2024-01 no2=7; a@2024-01 o3=6"},

		// Files.
		"a header further down": {descriptor(byStation, byMonth, aMeasure, "header_row: 3\n"), "f.csv", "A report,of May\n\n" + head + "a,2024-01,y\n", `f.csv:4: column X: "y" is no number`},
		"JSON, one a line":      {descriptor(byStation, "{column: at.local, grain: hour}", "  - {name: x, column: X, unit: kg, range: [0, 100], decimals: 1}\n", ""), "f.ndjson", `{"s":"a","at":{"utc":"x","local":"2024-01-01T00:00:00+08:00"},"X":1.5e1}` + "\n" + `{"s":"a","at":{"local":"2024-01-01T01"},"X":null}` + "\n" + `{"X":3,"s":"b","at":{"local":"2024-01-01T01"}}` + "\n", "a@2024-01-01T00 x=150; b@2024-01-01T01 x=30"},
		"a list of JSON":        {descriptor(byStation, byMonth, aMeasure, ""), "f.json", `[{"s":"a","m":"2024-01","X":1}, {"s":"a","m":"2024-02","X":2}]`, "a@2024-01 x=10; a@2024-02 x=20"},
		"broken JSON":           {descriptor(byStation, byMonth, aMeasure, ""), "f.json", "{\"s\":\"a\",\"m\":\"2024-01\",\"X\":1}\n{\"s\":\n", "is no JSON from here on"},
	} {
		t.Run(name, func(t *testing.T) {
			got := read(t, c.descriptor, mem(c.file, c.content))
			if got != c.want && !strings.Contains(got, c.want) {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// read reads files by a descriptor: their readings, or what is wrong.
func read(t *testing.T, descriptor string, files ...panel.File) string {
	t.Helper()
	src, err := panel.ReadDescriptor("d.yaml", strings.NewReader(descriptor))
	if err != nil {
		return err.Error()
	}
	p, _, err := panel.Read(t.Context(), src, nil, files, panel.Options{})
	if err != nil {
		return err.Error()
	}
	defer p.Close() //nolint:errcheck // a test's
	return values(t, p, src)
}

// What became of readings is counted, and values that are nearly equal are listed.
func TestWhatWasDoneWithReadingsIsCounted(t *testing.T) {
	src := source(t, descriptor("{column: s, attributes: [county]}", byMonth,
		"  - {name: x, column: X, unit: kg, range: [0, 1000], decimals: 1, round: half_even}\n", "missing: [\"\", 999]\ncensored: {below: zero, qualifiers: {J: keep, R: drop}}\nvalid: {flag: [V]}\n"))
	p, _, err := panel.Read(t.Context(), src, nil, []panel.File{mem("f.csv", "s,m,county,X,flag\n"+
		"9.1E+17,2024-01,north,0.25,V\nb,2024-01,north,999,V\nc,2024-01,North ,<0.5,V\nd,2024-01,nor-th,1 J,V\ne,2024-01,south,1 R,V\nf,2024-01,south,5,I\ng,2024-01,south,,I\n")}, panel.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := panel.Counts{Missing: 1, Doubtful: 1, Invalid: 1, Censored: 1, Dropped: 1, Qualified: 1, Rounded: 1}
	if got := p.Report.Measures[0]; got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if len(p.Report.Alike) != 1 || p.Report.Alike[0].Words() != `county: "north" (2), "North" (1), "nor-th" (1) are probably one: mend them, or write rename: {county: {"nor-th": "north"}}` {
		t.Errorf("alike: %+v", p.Report.Alike)
	}
	if text := strings.Join(p.Report.Warnings, "\n"); !strings.Contains(text, "x: 1 readings are within the range") || !strings.Contains(text, "such as 9.1E+17") {
		t.Errorf("warnings: %s", text)
	}
	f := p.Report.Files[0]
	if f.Kind != "csv" || f.Encoding != "utf-8" || f.Separator != "," || f.Rows != 7 || len(f.Sample) != 3 || f.Sample[1].Fields[3] != "999" || f.Sample[1].Row != 3 {
		t.Errorf("file: %+v", f)
	}
}

// Samples of rivers are few, and years apart; a wrong date is another thing.
func TestASparsePanelIsReadWithAWarning(t *testing.T) {
	if testing.Short() {
		t.Skip("reads a panel of 17 million cells")
	}
	var b strings.Builder
	b.WriteString("s,d,X\n")
	for e := range 1700 {
		for k := range 10 {
			fmt.Fprintf(&b, "w%04d,%04d-%02d-%02d,1\n", e, 1994+3*k, 1+(e+k)%12, 1+(e*7+k)%28)
		}
	}
	src := source(t, descriptor(byStation, byDay, aMeasure, ""))
	p, _, err := panel.Read(t.Context(), src, nil, []panel.File{mem("f.csv", b.String())}, panel.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close() //nolint:errcheck // a test's
	if n := p.Columns[0].Present.Count(); n != 17000 || len(p.Report.Warnings) != 1 || !strings.Contains(p.Report.Warnings[0], "17000 rows for") {
		t.Errorf("%d readings, warnings %q", n, p.Report.Warnings)
	}
	_, _, err = panel.Read(t.Context(), src, nil, []panel.File{mem("f.csv", b.String()+"w0001,2094-01-01,1\n")}, panel.Options{})
	if err == nil || !strings.Contains(err.Error(), "to 2094-01-01 (f.csv:17002)") || !strings.Contains(err.Error(), "a date is probably wrong") {
		t.Error(err)
	}
}

// Cases of public bug reports, where they are at hand: the descriptor with what it takes.
func TestCasesOfBugReports(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "shared", "cases")
	if _, err := os.Stat(dir); err != nil {
		dir = filepath.Join("..", "..", "..", "..", "shared", "cases")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skip("there is no ../shared/cases beside the checkout")
	}
	for _, c := range []struct {
		descriptor, data string
		edits            []string // of the descriptor: old, new
		want             string
	}{
		{"03-latin1-read-as-gb18030/d.yaml", "a.csv", nil, `"Mü`},
		{"03-latin1-read-as-gb18030/d.yaml", "a.csv", []string{"missing:", "encoding: windows-1252\nmissing:"}, "Köln@2024-01-01T00 pm25=49; München@2024-01-01T00 pm25=49"},
		{"04-missing-is-one-list-for-all-measures/d.yaml", "a.csv", []string{`missing: ["", "999.0", "9999.0"]`, `missing: [""]`, "range: [800, 1100],", "range: [800, 1100], missing: [9999],", "range: [-60, 60],", "range: [-60, 60], missing: [999],"},
			"B1@2024-01-01T00 pres=9990; B1@2024-01-01T00 atmp=121; B1@2024-01-01T01 pres=10012; B1@2024-01-01T02 atmp=110"},
		{"13-shapes-that-cannot-be-read/long.yaml", "long.csv", nil, "say parameter: {column: …, value: …}"},
		{"13-shapes-that-cannot-be-read/long.yaml", "long.csv", []string{"{name: value, column: value,", "{name: o3, column: O3,", "missing:", "parameter: {column: param, value: value}\nmissing:"}, "A@2024-01-01T00 o3=6"},
		{"13-shapes-that-cannot-be-read/wide.yaml", "wide.csv", []string{"{column: date,", "{columns: [date, hour],", "missing:", "wide: {columns: entities}\nparameter: {column: type}\nmissing:", ", attributes: []", ""},
			"1001A@2024-01-01T00 pm25=100; 1001A@2024-01-01T01 pm25=110; 1001A@2024-01-01T02 pm25=120; 1002A@2024-01-01T00 pm25=200; 1002A@2024-01-01T01 pm25=210; 1002A@2024-01-01T02 pm25=220"},
		{"13-shapes-that-cannot-be-read/ghgrp.yaml", "ghgrp.csv", []string{"{column: Year, grain: year}", "{grain: year}", `"2021 Total`, `"* Total`, "missing:", "wide: {columns: periods}\nnumbers: {thousands: \",\"}\nmissing:"}, "1000001@2021 co2=1234567; 1000001@2022 co2=1200000"},
		{"13-shapes-that-cannot-be-read/aqs.yaml", "aqs.csv", []string{`column: "Site Num"`, `columns: [State Code, County Code, Site Num, POC]`}, "01-073-0023-1@2024-01-01 pm25=123; 01-073-0023-3@2024-01-01 pm25=129"},
		{"13-shapes-that-cannot-be-read/onestation.yaml", "onestation.csv", []string{"column: station,", "column: station, constant: Beijing,"}, "Beijing@2010-01-01T01 pm25=129"},
		{"13-shapes-that-cannot-be-read/depth.yaml", "depth.csv", []string{"missing:", "replicates: mean\nmissing:"}, "W1@2024-01-01 tp=15"},
		{"13-shapes-that-cannot-be-read/missingcolumn.yaml", "order-c.csv", []string{"column: PM10,", "column: PM10, optional: true,"}, "A@2024-01-01T02 pm25=50"},
		{"14-times-that-cannot-be-read/dateandtime.yaml", "dateandtime.csv", []string{"grain: hour", `grain: hour, format: "DD/MM/YYYY HH:mm", stamp: end`}, "Bristol@2020-01-01T00 pm10=44445; Bristol@2020-01-01T23 pm10=27100"},
		{"14-times-that-cannot-be-read/halfhour.yaml", "halfhour.csv", nil, "say period: {grain: half_hour}"},
		{"14-times-that-cannot-be-read/halfhour.yaml", "halfhour.csv", []string{"grain: hour", "grain: half_hour"}, "@2024-01-01T00:30 "},
		{"14-times-that-cannot-be-read/hour1to24.yaml", "hour1to24.csv", nil, "say which end of an hour its number names"},
		{"14-times-that-cannot-be-read/texts.yaml", "texts.csv", nil, "say which end of an hour its stamp names"},
	} {
		text, err := os.ReadFile(filepath.Join(dir, c.descriptor))
		if err != nil {
			t.Fatal(err)
		}
		d := strings.Replace(string(text), "missing:", "utc_offset: \"+00:00\"\nmissing:", 1)
		for i := 0; i < len(c.edits); i += 2 {
			if !strings.Contains(d, c.edits[i]) {
				t.Fatalf("%s has no %q", c.descriptor, c.edits[i])
			}
			d = strings.Replace(d, c.edits[i], c.edits[i+1], 1)
		}
		data, err := os.ReadFile(filepath.Join(dir, filepath.Dir(c.descriptor), c.data))
		if err != nil {
			t.Fatal(err)
		}
		if got := read(t, d, mem(c.data, string(data))); got != c.want && !strings.Contains(got, c.want) {
			t.Errorf("%s %s:\ngot  %s\nwant %s", c.descriptor, c.data, got, c.want)
		}
	}
}

// Times of another offset are counted, also where a row repeats the text of the one before.
func TestConvertedTimesAreCounted(t *testing.T) {
	src := source(t, descriptor(byStation, byHour, aMeasure, ""))
	p, _, err := panel.Read(t.Context(), src, nil, []panel.File{mem("f.csv", "s,t,X\na,2024-01-01T20:00:00Z,1\nb,2024-01-01T20:00:00Z,2\na,2024-01-02 06:00,3\nb,2024-01-02 06:00,3\na,2024-01-02T03:00+06:00,4\n")}, panel.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close() //nolint:errcheck // a test's
	if n := p.Report.Files[0].Converted; n != 3 {
		t.Errorf("%d times converted, want 3", n)
	}
}

// The same rows under two names, or as a file of another kind, would count twice in a mean.
func TestTheSameRowsTwiceAreRefusedWhereMeansAreMade(t *testing.T) {
	means := descriptor(byStation, byMonth, aMeasure, "replicates: mean\n")
	rows := "s,m,X\na,2024-01,1\na,2024-01,2\n"
	other := "s,m,X\na,2024-01,6\n"
	json := `{"X":1,"m":"2024-01","s":"a"}` + "\n" + `{"X":2,"m":"2024-01","s":"a"}`
	for name, c := range map[string]struct {
		descriptor string
		files      []panel.File
		want       string
	}{
		"twice":             {means, []panel.File{mem("a.csv", rows), mem("b.csv", other), mem("dir/c.csv", rows)}, "dir/c.csv: has the same rows as a.csv, which would count twice in means (replicates: mean); give every file once"},
		"another line end":  {means, []panel.File{mem("a.csv", rows), mem("b.csv", strings.ReplaceAll(rows, "\n", "\r\n"))}, "b.csv: has the same rows as a.csv"},
		"other columns":     {means, []panel.File{mem("a.csv", rows), mem("b.csv", "s,m,Y,X\na,2024-01,1,3\na,2024-01,2,6\n")}, "a@2024-01 x=30"},
		"JSON twice":        {means, []panel.File{mem("a.json", json), mem("b.json", json)}, "b.json: has the same rows as a.json"},
		"other rows":        {means, []panel.File{mem("a.csv", rows), mem("b.csv", other)}, "a@2024-01 x=30"},
		"no rows":           {means, []panel.File{mem("a.csv", rows), mem("b.csv", "s,m,X\n"), mem("c.csv", "s,m,X\n")}, "a@2024-01 x=15"},
		"the last counts":   {descriptor(byStation, byMonth, aMeasure, "replicates: last\n"), []panel.File{mem("a.csv", rows), mem("b.csv", rows)}, "a@2024-01 x=20"},
		"entities by names": {descriptor(`{file: "*.csv"}`, byMonth, aMeasure, "replicates: mean\n"), []panel.File{mem("a.csv", "m,X\n2024-01,1\n"), mem("b.csv", "m,X\n2024-01,1\n")}, "a@2024-01 x=10; b@2024-01 x=10"},
	} {
		if got := read(t, c.descriptor, c.files...); got != c.want && !strings.Contains(got, c.want) {
			t.Errorf("%s: got %s\nwant %s", name, got, c.want)
		}
	}
}

// Whoever does what the message says arrives.
func TestAFaultOfTheShapeLeadsToItsDeclaration(t *testing.T) {
	byDate := "{column: date, grain: day}"
	site := "site,county,poc,date,X\n1,73,1,2024-01-01,1\n1,73,2,2024-01-01,2\n"
	years := "id,name,2021 t of CO2,2022 t of CO2\np,P,\"123,456.7\",5\n"
	co2 := func(column string) string {
		return fmt.Sprintf("  - {name: co2, column: %q, unit: t, range: [0, 1000000], decimals: 1}\n", column)
	}
	for name, steps := range map[string][][3]string{
		"an id of several columns": {
			{descriptor("{column: site}", byDate, aMeasure, ""), site, `where several columns together tell entities apart say entity: {columns: [site, …]}, of which there are "county", "poc"; where there may be several say replicates`},
			{descriptor("{columns: [county, site, poc]}", byDate, aMeasure, ""), site, "73-1-1@2024-01-01 x=10; 73-1-2@2024-01-01 x=20"},
		},
		"periods as columns": {
			{descriptor("{column: id}", "{column: Year, grain: year}", co2("2021 t of CO2"), ""), years, `where periods are columns, as "2021 t of CO2" is, say wide: {columns: periods}, period: {grain: year}, and column: "* t of CO2" for the measure`},
			{descriptor("{column: id}", "{grain: year}", co2("* t of CO2"), "wide: {columns: periods}\n"), years, `write 123456.7, or where all are written so say numbers: {thousands: ","}`},
			{descriptor("{column: id}", "{grain: year}", co2("* t of CO2"), "wide: {columns: periods}\nnumbers: {thousands: \",\"}\n"), years, "p@2021 co2=1234567; p@2022 co2=50"},
		},
		"one entity": {
			{descriptor("{column: station}", byDate, aMeasure, ""), "date,X\n2024-01-01,1\n", "where all rows are of one entity say entity: {column: station, constant: ITS NAME}"},
			{descriptor("{column: station, constant: Gucheng}", byDate, aMeasure, ""), "date,X\n2024-01-01,1\n", "Gucheng@2024-01-01 x=10"},
		},
	} {
		for i, s := range steps {
			if got := read(t, s[0], mem("f.csv", s[1])); got != s[2] && (i == len(steps)-1 || !strings.Contains(got, s[2])) {
				t.Errorf("%s, step %d: got %s\nwant %s", name, i+1, got, s[2])
			}
		}
	}
}

// An attribute that is a number is kept in one form, whatever its zeros are in the files, and
// what is none is a fault.
func TestAttributesThatAreNumbersHaveOneForm(t *testing.T) {
	text := descriptor("{column: s, attributes: [county, {name: height, column: H}], numbers: [height]}", byMonth, aMeasure, "")
	src := source(t, text)
	p, attributes, err := panel.Read(t.Context(), src, nil, []panel.File{mem("f.csv", "s,m,county,H,X\na,2024-01,n,010.50,1\na,2024-02,n,10.5,1\nb,2024-01,n,-0,1\nc,2024-01,n,1.2E3,1\nd,2024-01,n,,1\n")}, panel.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close() //nolint:errcheck // a test's
	if got, want := fmt.Sprint(attributes), "[[a n 10.5] [b n 0] [c n 1200] [d n ]]"; got != want {
		t.Errorf("rows %s, want %s", got, want)
	}
	if got := fmt.Sprint(src.Descriptor.Numbers); got != "[height]" {
		t.Errorf("numbers %s", got)
	}
	for name, c := range map[string]struct{ descriptor, row, want string }{
		"no number":          {text, "a,2024-01,n,high,1\n", `f.csv:2: column H: "high" is no number, and height is declared as one (entity.numbers); want a plain decimal`},
		"two numbers":        {text, "a,2024-01,n,10,1\na,2024-02,n,10.1,1\n", `"10.1" for "a", but "10" in row 2`},
		"a comma":            {text, "a,2024-01,n,\"10,5\",1\n", `"10,5" is no number`},
		"no attribute":       {strings.Replace(text, "numbers: [height]", "numbers: [h]", 1), "", `entity.numbers[0]: "h" is none of the attributes`},
		"an attribute twice": {strings.Replace(text, "numbers: [height]", "numbers: [height, height]", 1), "", `entity.numbers[1]: "height" is there twice`},
	} {
		if got := read(t, c.descriptor, mem("f.csv", "s,m,county,H,X\n"+c.row)); !strings.Contains(got, c.want) {
			t.Errorf("%s: got %s\nwant %s", name, got, c.want)
		}
	}
	// Of a registry that was made before the declaration: 10.50 is 10.5.
	src.Registry = "d"
	q, _, err := panel.Read(t.Context(), src, []string{"a"}, []panel.File{mem("f.csv", "s,m,county,H,X\na,2024-01,n,10.5,1\n")}, panel.Options{Attributes: [][]string{{"n", "10.50"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close() //nolint:errcheck // a test's
}
