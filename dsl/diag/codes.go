package diag

import (
	"slices"
	"strings"
)

// Code names one kind of finding. A code is never reused for another kind.
type Code string

// Codes of the lexer and the parser.
const (
	Unexpected        Code = "ML0001"
	Unclosed          Code = "ML0002"
	Mismatched        Code = "ML0003"
	UnterminatedText  Code = "ML0004"
	BadCharacter      Code = "ML0005"
	BadUTF8           Code = "ML0006"
	NULByte           Code = "ML0007"
	BidiControl       Code = "ML0008"
	BadNumber         Code = "ML0009"
	FileTooLarge      Code = "ML0010"
	TooManyTokens     Code = "ML0011"
	TooDeep           Code = "ML0012"
	UnaryRun          Code = "ML0013"
	EmptyFile         Code = "ML0014"
	MissingEdition    Code = "ML0015"
	UnknownEdition    Code = "ML0016"
	ImportPlace       Code = "ML0017"
	ReservedWord      Code = "ML0018"
	MissingExpression Code = "ML0019"
	ForeignSyntax     Code = "ML0020"
	StrayStatement    Code = "ML0021"
	ChainedComparison Code = "ML0022"
)

// Codes of names, kinds, arguments and imports.
const (
	UnknownName         Code = "ML0101"
	UnknownLayer        Code = "ML0102"
	UnknownArgument     Code = "ML0103"
	MissingArgument     Code = "ML0104"
	TooManyArguments    Code = "ML0105"
	ArgumentKind        Code = "ML0106"
	ArgumentTwice       Code = "ML0107"
	UnknownAnnotation   Code = "ML0108"
	BadAnnotation       Code = "ML0109"
	UnknownDType        Code = "ML0110"
	DuplicateName       Code = "ML0111"
	DuplicateLabel      Code = "ML0112"
	LabelNeeded         Code = "ML0113"
	TensorAsConstant    Code = "ML0114"
	Recursion           Code = "ML0115"
	ImportMissing       Code = "ML0116"
	ImportCycle         Code = "ML0117"
	ImportOutside       Code = "ML0118"
	TooManyImports      Code = "ML0119"
	StatementPlace      Code = "ML0120"
	YieldPlace          Code = "ML0121"
	UpdateTarget        Code = "ML0122"
	ArityMismatch       Code = "ML0123"
	MissingDefault      Code = "ML0124"
	BadOverride         Code = "ML0125"
	ShadowedBuiltin     Code = "ML0126"
	OperandKind         Code = "ML0127"
	TuplePlace          Code = "ML0128"
	IndexRange          Code = "ML0129"
	UnknownModel        Code = "ML0130"
	MissingModel        Code = "ML0131"
	ConstantDivision    Code = "ML0132"
	ArgumentRange       Code = "ML0133"
	UnknownMember       Code = "ML0134"
	LayerAsValue        Code = "ML0135"
	ImportedDeclaration Code = "ML0136"
)

// Codes of shapes, dtypes and the graph.
const (
	ShapeMismatch     Code = "ML0201"
	RankMismatch      Code = "ML0202"
	BroadcastMismatch Code = "ML0203"
	DTypeMismatch     Code = "ML0204"
	NotWhole          Code = "ML0205"
	DimensionRange    Code = "ML0206"
	IntegerOverflow   Code = "ML0207"
	LossNotScalar     Code = "ML0208"
	MissingLoss       Code = "ML0209"
	MissingOptimizer  Code = "ML0210"
	DuplicateLoss     Code = "ML0211"
	TwoOptimizers     Code = "ML0212"
	SelectsNothing    Code = "ML0213"
	GroupKeyTwice     Code = "ML0214"
	AmbiguousSelector Code = "ML0215"
	AssertFailed      Code = "ML0216"
	AxisRange         Code = "ML0217"
	BadPattern        Code = "ML0218"
	UnboundDimension  Code = "ML0219"
	CarryChanges      Code = "ML0220"
	IntegerDivision   Code = "ML0221"
	ScanAxis          Code = "ML0222"
	MissingOutput     Code = "ML0223"
	SymbolicParameter Code = "ML0224"
	StepCondition     Code = "ML0225"
	InexactDimension  Code = "ML0226"
	NoGradient        Code = "ML0227"
	NothingToTrain    Code = "ML0228"
)

// Codes of lints: the model means something, but perhaps not what was meant.
const (
	UnusedValue     Code = "ML0301"
	UnusedLayer     Code = "ML0302"
	NearDimension   Code = "ML0303"
	UnusedArgument  Code = "ML0304"
	UnusedImport    Code = "ML0305"
	DecayedBias     Code = "ML0306"
	UnusedParameter Code = "ML0307"
	UnusedInput     Code = "ML0308"
)

// Codes of numerics.
const (
	SoftmaxTwice Code = "ML0401"
	SigmoidTwice Code = "ML0402"
	LogOfSoftmax Code = "ML0403"
	NotFinite    Code = "ML0404"
)

// Codes of generation and its budgets.
const (
	ExpansionTooLarge Code = "ML0501"
	MemoryTooLarge    Code = "ML0503"
	GoNameCollision   Code = "ML0504"
	StaleCode         Code = "ML0505"
	ForeignFile       Code = "ML0506"
)

// Codes of data sets, weights files and checkpoints.
const (
	DataNeeded      Code = "ML0601"
	DataMismatch    Code = "ML0602"
	DataDamaged     Code = "ML0603"
	LabelRange      Code = "ML0604"
	WeightsDamaged  Code = "ML0606"
	WeightsMismatch Code = "ML0607"
	BadCheckpoint   Code = "ML0608"
	CannotRead      Code = "ML0609"
)

// Internal is the code of a bug in mlc itself.
const Internal Code = "ML0901"

// CodeInfo is a code's row in the table: what `mlc explain` prints. Example is
// a whole net.ml that yields exactly this code and nothing else; it is empty
// where no short model text does (limits of size, data files, bugs).
type CodeInfo struct {
	Code     Code
	Severity Severity
	Title    string
	Text     string
	Example  string
}

// tables holds the rows, grouped by subject.
var tables = [][]CodeInfo{
	syntaxInfo, nameInfo, importInfo, shapeInfo, graphInfo, lintInfo, generationInfo, dataInfo,
}

// Codes returns the rows of all codes, in their order. The slice is the
// caller's.
func Codes() []CodeInfo {
	all := slices.Concat(tables...)
	slices.SortFunc(all, func(a, b CodeInfo) int { return strings.Compare(string(a.Code), string(b.Code)) })
	return all
}

// Lookup returns the row of a code.
func Lookup(code Code) (CodeInfo, bool) {
	for _, table := range tables {
		for _, info := range table {
			if info.Code == code {
				return info, true
			}
		}
	}
	return CodeInfo{}, false
}
