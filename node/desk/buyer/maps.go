package buyer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/shown"
	"github.com/weirdata/weir/catalog/strictjson"
	"github.com/weirdata/weir/compute/geojson"
	"github.com/weirdata/weir/compute/result"
	"github.com/weirdata/weir/consensus/durable"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/desk/route"
)

const (
	// mapsDir is where kept maps are, in the directory of what this machine keeps. They are public, and not sealed.
	mapsDir = "desk.maps"
	// maxMapBody is a body with a map, in base64.
	maxMapBody = geojson.MaxBytes/3*4 + 64<<10
	// maxColumn is the most bytes of a column's name.
	maxColumn = 200
)

// MapFile is a map of the areas that a column's values name.
type MapFile struct {
	Dataset string `json:"dataset"`
	Column  string `json:"column"`
	// File is its name, and Bytes are GeoJSON in base64; without them the property of the map that is kept is chosen.
	File  string `json:"file,omitempty"`
	Bytes []byte `json:"bytes,omitempty"`
	// Property has the areas' names; empty: the one that has most of an answer's values.
	Property string `json:"property,omitempty"`
}

// MapKept is a map that is kept.
type MapKept struct {
	File     string         `json:"file"`
	Digest   catalog.Digest `json:"digest"` // SHA-256 of the file, to compare with what its publisher says
	Areas    int            `json:"areas"`
	Property string         `json:"property,omitempty"`
}

// MapArea is an area of a map.
type MapArea struct {
	Name  string `json:"name,omitempty"`
	Value string `json:"value,omitempty"` // that the area is of; empty: the answer has none
	Path  string `json:"path"`            // as SVG draws it, for the fill rule evenodd
}

// AnswerMap is the map of a column of an answer. Without a file there is none.
type AnswerMap struct {
	Column     string         `json:"column"`
	File       string         `json:"file,omitempty"`
	Digest     catalog.Digest `json:"digest,omitzero"`
	Property   string         `json:"property,omitempty"` // that has the areas' names
	Properties []string       `json:"properties"`         // that might
	Width      int            `json:"width,omitempty"`
	Height     int            `json:"height,omitempty"`
	Areas      []MapArea      `json:"areas"`
	NoArea     []string       `json:"no_area"`  // values of the answer that no area is called by
	NoValue    []string       `json:"no_value"` // areas that the answer has no value for
}

// atlas keeps maps for columns, and finds the areas of an answer in them.
type atlas struct {
	client  *client.Client // which remembers what is drawn
	dir     string         // of what this machine keeps
	answers *answers
	given   map[string]string // the files of maps that the desk was started with, by column
}

// fileOf is where the map of a column of a dataset is kept.
func (s *atlas) fileOf(dataset, column string) string {
	return filepath.Join(s.dir, mapsDir, catalog.Sum([]byte(dataset + "\x00" + column)).String()[:32]+".json")
}

// mapOf is the map of a column of a dataset: the one that is kept, else the one that the desk was started with; nil: there
// is none.
func (s *atlas) mapOf(dataset, column string) (*MapFile, error) {
	text, err := os.ReadFile(s.fileOf(dataset, column))
	switch {
	case err == nil:
		f := &MapFile{}
		if err := strictjson.Decode(text, f); err != nil {
			return nil, fmt.Errorf("read the map that is kept of %s: %w", column, err)
		}
		return f, nil
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("read the map that is kept of %s: %w", column, err)
	case s.given[column] == "":
		return nil, nil
	}
	bytes, err := os.ReadFile(s.given[column])
	if err != nil {
		return nil, fmt.Errorf("read the map of %s: %w", column, err)
	}
	return &MapFile{Dataset: dataset, Column: column, File: filepath.Base(s.given[column]), Bytes: bytes}, nil
}

// CheckMaps reads files of maps, by column. It fails with the first one's fault.
func CheckMaps(maps map[string]string) error {
	for column, file := range maps {
		info, err := os.Stat(file)
		if err == nil && info.Size() > geojson.MaxBytes {
			err = fmt.Errorf("it has %d bytes, at most %d are read", info.Size(), geojson.MaxBytes)
		}
		var bytes []byte
		if err == nil {
			bytes, err = os.ReadFile(file)
		}
		if err == nil {
			_, err = geojson.Read(bytes)
		}
		if err != nil {
			return fmt.Errorf("the map of %s: %w", column, err)
		}
	}
	return nil
}

// drawnMap is a map, and as it is drawn.
type drawnMap struct {
	geojson.Map // without its polygons

	drawing geojson.Drawing
}

// drawn reads and draws a map, or remembers it.
func (s *atlas) drawn(ctx context.Context, f *MapFile) (drawnMap, catalog.Digest, error) {
	type key struct{ digest catalog.Digest }
	digest := catalog.Sum(f.Bytes)
	d, err := client.Cached(ctx, s.client, key{digest}, func(context.Context) (drawnMap, error) {
		m, err := geojson.Read(f.Bytes)
		if err != nil {
			return drawnMap{}, err
		}
		out := drawnMap{*m, m.Draw()}
		for i := range out.Features {
			out.Features[i].Polygons = nil
		}
		return out, nil
	})
	return d, digest, err
}

func (s *atlas) keep(ctx context.Context, in struct{ Body MapFile }) (MapKept, error) {
	f := in.Body
	name := path.Base(filepath.ToSlash(f.File))
	switch {
	case f.Dataset == "" || f.Column == "" || len(f.Dataset) > maxColumn || len(f.Column) > maxColumn:
		return MapKept{}, route.BadField("column", "a map is of a column of a dataset", "say which")
	case len(f.Property) > maxColumn:
		return MapKept{}, route.BadField("property", "that is the name of no property", "take one that the areas of the map have")
	case len(f.Bytes) == 0 && f.File != "":
		return MapKept{}, route.BadField("bytes", "the file is empty", "drop a GeoJSON file with the areas that the column names")
	case len(f.Bytes) > 0 && (name == "." || name == "/" || name != shown.Text(name) || len(name) > maxFileName):
		return MapKept{}, route.BadField("file", "the file's name cannot be read", fmt.Sprintf("call it by letters, digits and signs, at most %d bytes", maxFileName))
	}
	if f.File = name; len(f.Bytes) == 0 {
		kept, err := s.mapOf(f.Dataset, f.Column)
		if err == nil && kept == nil {
			err = route.NotFound("there is no map of "+f.Column, "drop a GeoJSON file with its areas")
		}
		if err != nil {
			return MapKept{}, err
		}
		f.File, f.Bytes = kept.File, kept.Bytes
	}
	d, digest, err := s.drawn(ctx, &f)
	if err != nil {
		return MapKept{}, mapProblem(err)
	}
	if properties := d.Properties(); f.Property != "" && !slices.Contains(properties, f.Property) || len(properties) == 0 {
		return MapKept{}, route.BadField("property", "no area of the map has a name there", "give every feature a property that has its name, as the column writes it")
	}
	if err := s.write(f); err != nil {
		return MapKept{}, err
	}
	return MapKept{f.File, digest, len(d.Features), f.Property}, nil
}

// mapProblem is what a fault of a map's file is told as.
func mapProblem(err error) error {
	if fault, ok := errors.AsType[*geojson.Error](err); ok {
		return route.BadField("bytes", fault.Error(), "mend the file, or ask its publisher for another")
	}
	return err
}

func (s *atlas) write(f MapFile) error {
	text, err := json.Marshal(f)
	if err == nil {
		err = os.MkdirAll(filepath.Join(s.dir, mapsDir), 0o700)
	}
	if err == nil {
		err = durable.WriteFile(s.fileOf(f.Dataset, f.Column), text, 0o600)
	}
	if err != nil {
		return fmt.Errorf("keep the map: %w", err)
	}
	return nil
}

// mapped names the map of a column of an answer.
type mapped struct {
	Query  string `path:"query"`
	Column string `query:"column" doc:"a column of the answer that is no figure and no period"`
}

func (s *atlas) answerMap(ctx context.Context, in mapped) (AnswerMap, error) {
	r, err := s.answers.kept(in.Query)
	if err != nil {
		return AnswerMap{}, err
	}
	values, ok := valuesOf(r.Table, in.Column)
	if !ok {
		return AnswerMap{}, route.BadField("column", "the answer has no such column of names", "take one by which the query groups")
	}
	out := AnswerMap{Column: in.Column, Properties: []string{}, Areas: []MapArea{}, NoArea: []string{}, NoValue: []string{}}
	f, err := s.mapOf(r.Query.Dataset, in.Column)
	if f == nil || err != nil {
		return out, err
	}
	d, digest, err := s.drawn(ctx, f)
	if err != nil {
		return AnswerMap{}, mapProblem(err)
	}
	match := d.Match(values, f.Property)
	out.File, out.Digest, out.Property, out.Width, out.Height = f.File, digest, match.Property, d.drawing.Width, d.drawing.Height
	out.Properties = append(out.Properties, d.Properties()...)
	out.NoArea, out.NoValue = append(out.NoArea, match.Values...), append(out.NoValue, match.Areas...)
	for i, feature := range d.Features {
		out.Areas = append(out.Areas, MapArea{feature.Properties[match.Property], match.Of[i], d.drawing.Paths[i]})
	}
	return out, nil
}

// valuesOf are the values of a column of names, those of groups that were withheld among them: these have the values of
// the dimensions in the order of their columns.
func valuesOf(t *result.Table, column string) (values []string, ok bool) {
	at, place, dimensions := -1, 0, 0
	for i, c := range t.Columns {
		if c.Name == column && c.Type == result.TypeText {
			at, place = i, dimensions
		}
		if c.Type == result.TypeText || c.Type == result.TypePeriod {
			dimensions++
		}
	}
	if at < 0 {
		return nil, false
	}
	for _, row := range t.Rows {
		if text, is := row[at].(string); is {
			values = append(values, text)
		}
	}
	for _, g := range t.Groups {
		if len(g.Values) == dimensions {
			values = append(values, g.Values[place])
		}
	}
	return values, true
}
