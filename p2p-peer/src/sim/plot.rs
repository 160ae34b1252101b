//! Plots as SVG, without anything else.

use std::fmt::Write as _;

/// A line of a plot.
#[derive(Debug, Clone)]
pub struct Line {
    /// Its name.
    pub name: String,
    /// Its points, by x.
    pub points: Vec<(f64, f64)>,
}

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 64.0;
const BOTTOM: f64 = 48.0;
const TOP: f64 = 40.0;
const RIGHT: f64 = 180.0;
const COLOURS: [&str; 7] = ["#0b6e99", "#c2571a", "#3d7d3d", "#7b4fa3", "#a03a5b", "#6b6b6b", "#b8901e"];

/// A plot of lines. With `log_x` the x axis is logarithmic; x is positive then.
#[must_use]
pub fn chart(title: &str, x_name: &str, y_name: &str, log_x: bool, lines: &[Line]) -> String {
    let scale = |x: f64| if log_x { x.max(f64::MIN_POSITIVE).log10() } else { x };
    let points = || lines.iter().flat_map(|line| &line.points);
    let (mut x_min, mut x_max, mut y_max) = (f64::MAX, f64::MIN, f64::MIN_POSITIVE);
    for (x, y) in points() {
        (x_min, x_max, y_max) = (x_min.min(scale(*x)), x_max.max(scale(*x)), y_max.max(*y));
    }
    let step = nice(y_max / 5.0);
    let y_max = (y_max / step).ceil() * step;
    let x_span = (x_max - x_min).max(f64::MIN_POSITIVE);
    let at_x = |x: f64| LEFT + (scale(x) - x_min) / x_span * (WIDTH - LEFT - RIGHT);
    let at_y = |y: f64| HEIGHT - BOTTOM - y / y_max * (HEIGHT - BOTTOM - TOP);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n<text x=\"{LEFT}\" y=\"22\" font-size=\"15\">{title}</text>\n"
    );
    let mut text = |x: f64, y: f64, anchor: &str, text: &str| {
        // A String never fails to be written to.
        let _ = writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"#444\">{text}</text>");
    };
    text((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 10.0, "middle", x_name);
    text(LEFT, TOP - 6.0, "end", y_name);
    let mut grid = String::new();
    let mut y = 0.0;
    while y <= y_max * 1.0001 {
        text(LEFT - 6.0, at_y(y) + 4.0, "end", &number(y));
        let _ = writeln!(grid, "<path d=\"M{LEFT} {0:.1}H{1:.1}\" stroke=\"#ddd\"/>", at_y(y), WIDTH - RIGHT);
        y += step;
    }
    let ticks: Vec<f64> = if log_x {
        (x_min.floor() as i32..=x_max.ceil() as i32)
            .map(|power| 10f64.powi(power))
            .filter(|x| (x_min - 0.01..=x_max + 0.01).contains(&scale(*x)))
            .collect()
    } else {
        let step = nice(x_span / 6.0);
        (0..=12).map(|i| (x_min / step).ceil() * step + f64::from(i) * step).filter(|x| *x <= x_max).collect()
    };
    for x in ticks {
        text(at_x(x), HEIGHT - BOTTOM + 18.0, "middle", &number(x));
    }
    out += &grid;
    for (i, line) in lines.iter().enumerate() {
        let colour = COLOURS[i % COLOURS.len()];
        let path: Vec<_> = line.points.iter().map(|(x, y)| format!("{:.1} {:.1}", at_x(*x), at_y(*y))).collect();
        let _ = writeln!(out, "<path d=\"M{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>", path.join("L"));
        if line.points.len() < 20 {
            for (x, y) in &line.points {
                let _ = writeln!(out, "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{colour}\"/>", at_x(*x), at_y(*y));
            }
        }
        let y = TOP + 8.0 + 20.0 * i as f64;
        let x = WIDTH - RIGHT + 12.0;
        let _ = writeln!(
            out,
            "<path d=\"M{x} {y}h18\" stroke=\"{colour}\" stroke-width=\"2\"/><text x=\"{}\" y=\"{}\">{}</text>",
            x + 24.0,
            y + 4.0,
            line.name
        );
    }
    out + "</svg>\n"
}

/// A round number near `x`.
fn nice(x: f64) -> f64 {
    let power = 10f64.powf(x.max(f64::MIN_POSITIVE).log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|digit| digit * power).find(|step| *step >= x).unwrap_or(power)
}

fn number(x: f64) -> String {
    let text = format!("{x:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
