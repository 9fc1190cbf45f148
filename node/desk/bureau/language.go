package bureau

import (
	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/node/client/publish"
	"github.com/weirdata/weir/node/desk/route"
)

// policyIn says a policy in sentences.
func policyIn(l explain.Language, d catalog.Descriptor) []string {
	return append([]string{}, publish.PolicyIn(l, d)...)
}

// In is the draft with its sentences in a language. Rare faults of files and descriptors stay in English.
func (d Draft) In(l explain.Language) Draft {
	if d.described != nil {
		d.Words = policyIn(l, *d.described)
	}
	if d.Checked != nil && d.examined != nil {
		checked := *d.Checked
		checked.Policy = policyIn(l, *d.examined)
		d.Checked = &checked
	}
	if d.Work != nil && d.Work.Problem != nil {
		work := *d.Work
		work.Problem = route.In(l, work.Problem)
		d.Work = &work
	}
	if d.Faults != nil {
		faults := *d.Faults
		faults.List = route.FaultsIn(l, faults.List, func(f *Fault) (message, want *string) { return &f.Message, &f.Want })
		d.Faults = &faults
	}
	d.Wrong = route.FaultsIn(l, d.Wrong, func(f *DescriptorFault) (message, want *string) { return &f.Message, &f.Want })
	return d
}
