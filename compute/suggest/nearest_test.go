package suggest

import (
	"testing"
)

func TestNearest(t *testing.T) {
	cases := []struct{ word, want string }{
		{"pm52", "pm25"}, {"PM2", "pm25"}, {"cuonty", "county"}, {"xyz", ""}, {"p", ""}, {"", ""}, {"indusrty", "industry"},
	}
	for _, tc := range cases {
		if got := Nearest(tc.word, []string{"county", "industry", "pm25", "pm10"}); got != tc.want {
			t.Errorf("nearest to %q is %q, want %q", tc.word, got, tc.want)
		}
	}
}
