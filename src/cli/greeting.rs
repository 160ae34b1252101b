//! What `serve` says on standard output once it is ready.

use crate::app::Running;
use crate::config::Secret;

/// Prints where the page is, how to log in and what to type into OBS.
pub fn print(running: &Running) {
    println!("{}", text(running));
}

fn text(running: &Running) -> String {
    let addrs = &running.addrs;
    let mut lines = vec![String::new(), "  Shoal is running.".into(), String::new(), format!("  Page      {}", addrs.public_url)];
    match &running.first_login {
        Some(login) => {
            lines.push(format!("  Login     {}", login.username));
            lines.push(format!("  Password  {}", login.password.as_ref().map_or("the one in SHOAL_ROOT_PASSWORD", Secret::expose)));
            if login.password.is_some() {
                lines.push("            (shown only this once; `shoal admin reset-password root` makes a new one)".into());
            }
        }
        None => lines.push("  Login     as before (`shoal admin reset-password root` if forgotten)".into()),
    }
    lines.extend([
        String::new(),
        "  To stream with OBS: Settings > Stream > Service \"Custom...\"".into(),
        format!("  Server      {}", addrs.rtmp_url),
        format!("  Stream key  log in at {}/live/new", addrs.public_url),
        "  Advised     keyframe interval 2 s, x264 tune zerolatency".into(),
        String::new(),
    ]);
    lines.join("\n")
}
