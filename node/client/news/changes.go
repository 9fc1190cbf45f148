package news

// Changes are how many cells of a version differ from those of an earlier one, within
// the periods and entities of both.
type Changes struct {
	Corrected int `json:"corrected"` // other readings
	Late      int `json:"late"`      // readings where the earlier version has none
	Removed   int `json:"removed"`   // none, where it has one
}

// Compare counts what a version changes of an earlier one of the same dataset, measure
// by measure. Periods that either record does not know are passed over.
func Compare(before, after *Record) (Changes, error) {
	var out Changes
	from := max(before.First+int64(before.Unknown), after.First+int64(after.Unknown))
	to := min(before.First+int64(before.Periods), after.First+int64(after.Periods))
	old, fresh := make([]int64, before.Entities), make([]int64, after.Entities)
	for i := range after.Columns {
		now := &after.Columns[i]
		was := before.Column(now.Measure)
		if was == nil {
			continue
		}
		for p := from; p < to; p++ {
			earlier, err := before.Line(was, int(p-before.First), old)
			if err != nil {
				return out, err
			}
			later, err := after.Line(now, int(p-after.First), fresh)
			if err != nil {
				return out, err
			}
			for e := range min(before.Entities, after.Entities) {
				v, had := earlier.cell(e)
				w, has := later.cell(e)
				switch {
				case had && has && v != w:
					out.Corrected++
				case !had && has:
					out.Late++
				case had && !has:
					out.Removed++
				}
			}
		}
	}
	return out, nil
}
