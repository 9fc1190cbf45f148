package he

import (
	"fmt"
	"testing"
)

func TestParametersOfTheSameLiteralAreMadeOnce(t *testing.T) {
	two, three := must[Parameters](t)(NewParameters(DataParameters(3, 2))), must[Parameters](t)(NewParameters(DataParameters(3, 3)))
	if again := must[Parameters](t)(NewParameters(DataParameters(3, 2))); again != two || two == three {
		t.Error("the same literal has two parameters, or two literals have the same")
	}
	a, b := must[ProductParameters](t)(NewProductParameters(DefaultProductParameters())), must[ProductParameters](t)(NewProductParameters(DefaultProductParameters()))
	if a != b {
		t.Error("the same literal of products has two parameters")
	}
}

func TestMadeParametersAreBounded(t *testing.T) {
	var m made[int]
	times := 0
	for i := range 3 * mostMade {
		for range 2 {
			if v, err := m.of(fmt.Sprint(i), func() (int, error) { times++; return i, nil }); v != i || err != nil {
				t.Fatalf("%d: %d, %v", i, v, err)
			}
		}
	}
	if times != 3*mostMade || len(m.kept) != mostMade || len(m.order) != mostMade {
		t.Errorf("%d were made and %d are kept", times, len(m.kept))
	}
}
