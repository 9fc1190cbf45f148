package sql

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
)

func TestPieceIsADimension(t *testing.T) {
	s := beijing()
	for _, sql := range []string{
		"SELECT PIECE(mine), county, SUM(pm25) FROM beijing_air WHERE entity IN PRIVATE(mine) GROUP BY PIECE(mine), county ORDER BY PIECE(mine) DESC",
		"SELECT piece(mine), county, SUM(pm25) FROM beijing_air WHERE entity IN PRIVATE(mine) GROUP BY 1, 2 ORDER BY 1 DESC",
		"SELECT PIECE(mine) AS band, county, SUM(pm25) FROM beijing_air WHERE station IN PRIVATE(mine) GROUP BY county, band ORDER BY band DESC",
	} {
		c, err := Compile(sql, s)
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		want := []catalog.Dimension{{Kind: catalog.DimPiece}, {Kind: catalog.DimAttribute, Column: "county"}}
		if diff := cmp.Diff(want, c.Request.By); diff != "" || c.Request.In != "v-mine-2" {
			t.Errorf("%s: within %s, by (-want +got)\n%s", sql, c.Request.In, diff)
		}
		if diff := cmp.Diff([]Order{{Output: 0, Desc: true}}, c.Order); diff != "" {
			t.Errorf("%s: order (-want +got)\n%s", sql, diff)
		}
	}
	if c := compileOn(t, "SELECT PIECE(mine), COUNT(*) FROM beijing_air WHERE entity IN PRIVATE(mine) GROUP BY 1", s); c.Output[0].Name != "piece(mine)" {
		t.Errorf("the column is called %s", c.Output[0].Name)
	}
	s.Stand, s.Vectors = true, nil
	if c := compileOn(t, "SELECT PIECE(new), COUNT(*) FROM beijing_air WHERE entity IN PRIVATE(new) GROUP BY 1", s); c.Request.In != catalog.NewVector {
		t.Errorf("a portfolio that is not registered yet is %s", c.Request.In)
	}
	if fault := faultOf(t, "SELECT PIECE(other), COUNT(*) FROM beijing_air WHERE entity IN PRIVATE(new) GROUP BY 1", s); !strings.Contains(fault.Message, "pieces of other, and is within new") {
		t.Errorf("pieces of another: %v", fault)
	}
}
