package catalog

import (
	"fmt"
	"strconv"
)

func refuse(kind RefusalKind, rule, format string, args ...any) *Refusal {
	return &Refusal{Kind: kind, Rule: rule, Message: fmt.Sprintf(format, args...)}
}

func invalid(field, format string, args ...any) *Refusal {
	r := refuse(RefusedInvalid, "invalid", format, args...)
	r.Field = field
	return r
}

func conflict(rule, format string, args ...any) *Refusal {
	return refuse(RefusedConflict, rule, format, args...)
}

func forbidden(rule, format string, args ...any) *Refusal {
	return refuse(RefusedForbidden, rule, format, args...)
}

func (r *Refusal) withFix(format string, args ...any) *Refusal {
	r.Fix = fmt.Sprintf(format, args...)
	return r
}

func (r *Refusal) withNumber(name string, value int64) *Refusal {
	r.Numbers = append(r.Numbers, Number{Name: name, Value: strconv.FormatInt(value, 10)})
	return r
}
