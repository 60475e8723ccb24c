//! Icon buttons. The icons are painted, because fonts lack them.

use egui::{Color32, Painter, Pos2, Rect, Response, Role, Sense, Shape, Stroke, Ui, WidgetInfo, pos2, vec2};

/// An icon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Icon {
    First,
    Back,
    Play,
    Pause,
    Forward,
    Last,
    Frames,
    More,
    Close,
}

/// A button with an icon. `name` is its tooltip, and its name for screen readers.
pub(super) fn button(ui: &mut Ui, icon: Icon, name: &str) -> Response {
    let size = vec2(26.0, ui.spacing().interact_size.y);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, name));
    let visuals = ui.style().interact(&response);
    ui.painter().rect_filled(rect, visuals.corner_radius, visuals.weak_bg_fill);
    paint(ui.painter(), icon, rect.shrink2(vec2(8.0, 5.0)), visuals.fg_stroke.color);
    response.on_hover_text(name)
}

/// Paints the icon alone.
pub(super) fn paint(painter: &Painter, icon: Icon, rect: Rect, colour: Color32) {
    let rect = Rect::from_center_size(rect.center(), egui::Vec2::splat(rect.width().min(rect.height())));
    let at = |x: f32, y: f32| rect.min + vec2(x, y) * rect.size();
    let triangle = |points: [Pos2; 3]| painter.add(Shape::convex_polygon(points.to_vec(), colour, Stroke::NONE));
    let bar =
        |left: f32, right: f32| painter.rect_filled(Rect::from_min_max(at(left, 0.0), at(right, 1.0)), 0.0, colour);
    match icon {
        Icon::Play => {
            triangle([at(0.1, 0.0), at(1.0, 0.5), at(0.1, 1.0)]);
        }
        Icon::Pause => {
            bar(0.1, 0.4);
            bar(0.6, 0.9);
        }
        Icon::Forward => {
            triangle([at(0.35, 0.1), at(1.0, 0.5), at(0.35, 0.9)]);
            bar(0.05, 0.2);
        }
        Icon::Back => {
            triangle([at(0.65, 0.1), at(0.0, 0.5), at(0.65, 0.9)]);
            bar(0.8, 0.95);
        }
        Icon::Last => {
            triangle([at(0.0, 0.1), at(0.7, 0.5), at(0.0, 0.9)]);
            bar(0.8, 0.95);
        }
        Icon::First => {
            triangle([at(1.0, 0.1), at(0.3, 0.5), at(1.0, 0.9)]);
            bar(0.05, 0.2);
        }
        Icon::Frames => {
            let stroke = Stroke::new(1.2, colour);
            let page = |x: f32, y: f32| Rect::from_min_size(at(x, y), rect.size() * 0.65);
            painter.rect_stroke(page(0.35, 0.0), 0.0, stroke, egui::StrokeKind::Inside);
            painter.rect_filled(page(0.0, 0.35), 0.0, colour);
        }
        Icon::More => {
            for y in [0.1, 0.5, 0.9] {
                painter.circle_filled(at(0.5, y), 1.5, colour);
            }
        }
        Icon::Close => {
            let stroke = Stroke::new(1.4, colour);
            painter.line_segment([at(0.15, 0.15), at(0.85, 0.85)], stroke);
            painter.line_segment([at(0.85, 0.15), at(0.15, 0.85)], stroke);
        }
    }
}

/// Draws a small square of a colour, as in a legend.
pub(super) fn swatch(ui: &mut Ui, colour: Color32) {
    let (rect, _) = ui.allocate_exact_size(vec2(10.0, 10.0), Sense::hover());
    ui.painter().rect_filled(rect, 2.0, colour);
}

/// Draws a colour gradient from first to last, as in a legend.
pub(super) fn band(ui: &mut Ui, colour: impl Fn(f32) -> Color32) {
    const STEPS: usize = 24;
    let (rect, _) = ui.allocate_exact_size(vec2(60.0, 10.0), Sense::hover());
    for k in 0..STEPS {
        let left = rect.left() + rect.width() * k as f32 / STEPS as f32;
        let part =
            Rect::from_min_max(pos2(left, rect.top()), pos2(left + rect.width() / STEPS as f32 + 0.5, rect.bottom()));
        ui.painter().rect_filled(part, 0.0, colour(k as f32 / (STEPS - 1) as f32));
    }
}
