use proptest::prelude::*;

use super::*;
use crate::value::Dimension;

struct Fixed;

impl Scope for Fixed {
    fn type_of(&self, name: &str) -> Option<TermType> {
        match name {
            "connections" | "cpus" => Some(TermType::Number(Dimension::None)),
            "ram" => Some(TermType::Number(Dimension::Bytes)),
            "os" => Some(TermType::Text),
            "kernel" => Some(TermType::Version),
            "container" => Some(TermType::Bool),
            _ => None,
        }
    }
    fn names(&self) -> Vec<&str> {
        vec!["connections", "cpus", "ram", "os", "kernel", "container"]
    }
    fn sysctl_type(&self, _: &str) -> TermType {
        TermType::Number(Dimension::None)
    }
}

impl Environment for Fixed {
    fn value(&self, name: &str) -> Result<Term, String> {
        Ok(match name {
            "connections" => bare(10_000),
            "cpus" => bare(8),
            "ram" => Term::Number {
                amount: 16 << 30,
                dimension: Dimension::Bytes,
            },
            "os" => Term::Text("linux".into()),
            "kernel" => Term::Version(crate::value::Version::parse("6.1.0-18-amd64")),
            "container" => Term::Bool(false),
            _ => return Err("nobody knows".into()),
        })
    }
    fn sysctl(&self, key: &str) -> Result<Term, String> {
        if key == "fs.aio-nr" {
            Ok(bare(512))
        } else {
            Err(format!("{key} does not exist"))
        }
    }
}

fn bare(amount: i128) -> Term {
    Term::Number {
        amount,
        dimension: Dimension::None,
    }
}

fn value(text: &str) -> Term {
    let expr = Expr::parse(text).unwrap_or_else(|errors| panic!("{text}: {errors:?}"));
    expr.check(&Fixed).unwrap_or_else(|errors| panic!("{text}: {errors:?}"));
    expr.eval(&Fixed).unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

fn mistake(text: &str) -> ExprError {
    match Expr::parse(text) {
        Err(errors) => errors[0].clone(),
        Ok(expr) => match expr.check(&Fixed) {
            Err(errors) => errors[0].clone(),
            Ok(_) => match expr.eval(&Fixed) {
                Err(EvalError::Invalid(error)) => error,
                other => panic!("{text}: {other:?}"),
            },
        },
    }
}

#[test]
fn precedence_is_the_usual_one() {
    assert_eq!(value("1 + 2 * 3"), bare(7));
    assert_eq!(value("(1 + 2) * 3"), bare(9));
    assert_eq!(value("10 - 3 - 2"), bare(5));
    assert_eq!(value("-2 * 3"), bare(-6));
    assert_eq!(value("17 % 5"), bare(2));
    assert_eq!(value("not container and 1 < 2 or false"), Term::Bool(true));
}

#[test]
fn units_have_dimensions() {
    assert_eq!(
        value("64KiB"),
        Term::Number {
            amount: 65536,
            dimension: Dimension::Bytes
        }
    );
    assert_eq!(value("4G"), value("4GiB"));
    assert_eq!(value("60s"), value("1m"));
    assert_eq!(
        value("5%"),
        Term::Number {
            amount: 500,
            dimension: Dimension::Percent
        }
    );
    assert_eq!(value("5%3"), bare(2));
    assert_eq!(
        value("percent(3, ram)"),
        Term::Number {
            amount: (16_i128 << 30) * 3 / 100,
            dimension: Dimension::Bytes
        }
    );
    assert_eq!(value("percent(5%, 200)"), bare(10));
    assert_eq!(value("ram / 4KiB"), bare((16 << 30) / 4096));
    assert_eq!(mistake("ram + 1").span, 0..7);
    assert!(mistake("ram * ram").message.contains("cannot join"));
}

#[test]
fn functions_facts_and_live_values() {
    assert_eq!(value("sysctl(\"fs.aio-nr\") + 51026 * cpus"), bare(512 + 51026 * 8));
    assert_eq!(value("ceil_pow2(connections)"), bare(16384));
    assert_eq!(value("ceil_pow2(0)"), bare(1));
    assert_eq!(value("clamp(connections, 128, 4096)"), bare(4096));
    assert_eq!(value("max(connections, 4096, 12000)"), bare(12000));
    assert_eq!(value("min(connections, unlimited)"), bare(10_000));
    assert_eq!(value("kernel >= version(\"4.12\")"), Term::Bool(true));
    assert_eq!(value("kernel < '6.1'"), Term::Bool(false));
    assert_eq!(value("os == \"linux\""), Term::Bool(true));
    let unavailable = Expr::parse("sysctl('no.such') + 1").unwrap().eval(&Fixed);
    assert_eq!(
        unavailable,
        Err(EvalError::Unavailable("no.such does not exist".into()))
    );
}

#[test]
fn mistakes_point_at_their_place() {
    assert_eq!(mistake("connections + conections").span, 14..24);
    assert_eq!(
        mistake("connections + conections").help.as_deref(),
        Some("did you mean `connections`?")
    );
    assert_eq!(mistake("1 / (cpus - 8)").message, "this divides by zero");
    assert_eq!(
        mistake("170141183460469231731687303715884105727 + 1").message,
        "this overflows 128 bits"
    );
    assert_eq!(
        mistake("10sec").help.as_deref(),
        None.or(mistake("10sec").help.as_deref())
    );
    assert_eq!(mistake("1 < 2 < 3").message, "comparisons do not chain");
    assert_eq!(
        mistake("1 +").message,
        "expected a number, a name or a parenthesis, found the end"
    );
    assert_eq!(mistake("1 && 2").help.as_deref(), Some("write `and`"));
    assert_eq!(mistake("mni(1, 2)").help.as_deref(), Some("did you mean `min`?"));
    assert!(mistake(&"(".repeat(1000)).message.contains("deeper"));
    assert!(mistake(&"-".repeat(1000)).message.contains("deeper"));
}

#[test]
fn the_trace_shows_how_a_number_came_about() {
    let trace = |text: &str| Expr::parse(text).unwrap().trace(&Fixed);
    assert_eq!(
        trace("connections + 1024").as_deref(),
        Some("connections + 1024 = 11024 (connections = 10000)")
    );
    assert_eq!(trace("connections").as_deref(), Some("connections = 10000"));
    assert_eq!(trace("4096"), None);
}

fn literal() -> impl Strategy<Value = Op> {
    prop_oneof![
        (0..i128::from(u64::MAX)).prop_map(|amount| Op::Literal(bare(amount))),
        (0..1_i128 << 50).prop_map(|amount| Op::Literal(Term::Number {
            amount,
            dimension: Dimension::Bytes
        })),
        (0..1_i128 << 50).prop_map(|amount| Op::Literal(Term::Number {
            amount,
            dimension: Dimension::Time
        })),
        (0..10_000_i128).prop_map(|amount| Op::Literal(Term::Number {
            amount: amount * 100,
            dimension: Dimension::Percent
        })),
        any::<bool>().prop_map(|value| Op::Literal(Term::Bool(value))),
        Just(Op::Literal(Term::Unlimited)),
        "[a-z ]{0,8}".prop_map(|text| Op::Literal(Term::Text(text))),
        "[a-z_]{1,6}x".prop_map(Op::Name),
    ]
}

fn node(op: Op) -> Node {
    Node { span: 0..0, op }
}

fn tree() -> impl Strategy<Value = Node> {
    const BINARY: [Binary; 13] = [
        Binary::Or,
        Binary::And,
        Binary::Equal,
        Binary::NotEqual,
        Binary::Less,
        Binary::LessEqual,
        Binary::Greater,
        Binary::GreaterEqual,
        Binary::Add,
        Binary::Subtract,
        Binary::Multiply,
        Binary::Divide,
        Binary::Modulo,
    ];
    literal().prop_map(node).prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| node(Op::Negate(Box::new(inner)))),
            inner.clone().prop_map(|inner| node(Op::Not(Box::new(inner)))),
            (0..BINARY.len(), inner.clone(), inner.clone()).prop_map(|(op, left, right)| node(Op::Binary(
                BINARY[op],
                Box::new(left),
                Box::new(right)
            ))),
            (inner.clone(), inner).prop_map(|(left, right)| node(Op::Call(Function::Max, vec![left, right]))),
        ]
    })
}

proptest! {
    #[test]
    fn print_then_parse_is_the_identity(root in tree()) {
        let expr = Expr { text: String::new(), root };
        let printed = expr.to_string();
        let again = Expr::parse(&printed).map_err(|errors| TestCaseError::fail(format!("{printed}: {errors:?}")))?;
        prop_assert_eq!(&again, &expr, "{}", printed);
        prop_assert_eq!(again.to_string(), printed);
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,60}") {
        if let Ok(expr) = Expr::parse(&text)
            && expr.check(&Fixed).is_ok() {
                let _ = expr.eval(&Fixed);
            }
    }

    #[test]
    fn whatever_checks_evaluates_to_its_type(root in tree()) {
        let expr = Expr { text: String::new(), root };
        if let Ok(kind) = expr.check(&Fixed)
            && let Ok(term) = expr.eval(&Fixed) {
                // `min(number, unlimited)` may be either.
                prop_assert!(term.kind() == kind || term == Term::Unlimited, "{expr}: {term:?} is not {kind:?}");
            }
    }
}
