// Package lint holds this repository's own rules as tests that read the
// source. It has no code to import: go test runs it with everything else.
//
//	rule                                                       checked in
//	a package imports only what the tower allows               tower_test.go
//	only listed packages import unsafe                         tower_test.go
//	the module requires only listed modules                    tower_test.go
//	a name in a "Pairs with:" or "See" label exists            labels_test.go
//	"Publish.", "Store-load:" and "Claim." name their partner  labels_test.go
//	no go:linkname and no go:norace directive                  calls_test.go
//	a raw system call is made only to wake                     calls_test.go
//	a test does not sleep                                      calls_test.go
//	README's program runs, and prints what README says         readme_test.go
//	a relative link in a document leads somewhere              readme_test.go
//	a figure that names its row is that of the row             figures_test.go
//	operations of one's own compile in another module          stranger_test.go
//	what packages export is what api/ says                     api_test.go
//	a list allows nothing that is not used                     allowances_test.go
//	only listed packages import sync/atomic                    atomics_test.go
//	a write to an atomic has a label, or is the owner's        atomics_test.go
//	"Pairs with:" is mutual                                    atomics_test.go
//	only tasks are woken, in identifiers                       words_test.go
//	a comment repeats no number that a constant holds          words_test.go
//	explored tests have the names by which CI runs them        explored_test.go
//	the commands of the pages run (HEIST_COMMANDS=1)           commands_test.go
//
// Every file of the module is read, whatever its build constraints say;
// nested modules and testdata are not.
//
// Every rule has a negative test, named after it with the suffix Catches,
// which runs it on a small module that breaks it.
//
// # Labels
//
// A comment beside an atomic access names the code on the other side:
//
//	"Pairs with:" ref, ref.
//
// A ref is a function or a method of the same package, name or (*T).name, or
// of another package of this module, pkg.name or pkg.(*T).name. Type
// parameters are left out. The list ends with a full stop and may wrap.
//
// "See" followed by (*T).name or by file.go, and a full stop, says that the
// argument is made there. A file is sought beside the comment first, then from
// the module root. Any other sentence that begins with "See" is prose.
package lint
