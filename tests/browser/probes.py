"""What is asked of a page from inside it: JavaScript expressions, each giving a list of complaints or of controls."""

from __future__ import annotations

__all__ = ["CONTROLS", "CUT_IN_DRAWINGS", "FOCUSED", "HIDDEN_IN_PRINT", "OPEN_ALL", "PAST_THE_EDGE"]

OPEN_ALL = "document.querySelectorAll('details').forEach(d => { d.open = true; })"

_NAME = """
const name = e => `${e.tagName.toLowerCase()}${e.id ? '#' + e.id : ''}${
  e.getAttribute('class') ? '.' + e.getAttribute('class').replaceAll(' ', '.') : ''
} '${(e.textContent || '').trim().replace(/\\s+/g, ' ').slice(0, 40)}'`;
"""

PAST_THE_EDGE = f"""(() => {{
  {_NAME}
  const found = [];
  // formulas cannot be broken into lines, nor can code, so these alone may scroll
  const formula = e => e.closest('pre, math, .equation, .equations') !== null;
  const clipped = e => {{
    for (let p = e.parentElement; p && p !== document.body; p = p.parentElement)
      if (/hidden|clip|auto|scroll/.test(getComputedStyle(p).overflowX)) return true;
    return false;
  }};
  for (const e of document.body.querySelectorAll('*')) {{
    if (!e.checkVisibility({{visibilityProperty: true}})) continue;
    const box = e.getBoundingClientRect(), style = getComputedStyle(e);
    if (box.width > 0 && box.right > innerWidth + 0.5 && !clipped(e)) found.push(`${{name(e)}} passes the edge`);
    // 1 px is what text for screen readers alone is clipped to
    if (e.clientWidth > 1 && e.scrollWidth > e.clientWidth + 1 && !formula(e) && e.namespaceURI.endsWith('xhtml')) {{
      if (/auto|scroll/.test(style.overflowX)) found.push(`${{name(e)}} scrolls sideways`);
      if (/hidden|clip/.test(style.overflowX)) found.push(`${{name(e)}} is cut`);
    }}
  }}
  return found;
}})()"""

# a drawing clips what lies outside it, so its words are held to its own box
CUT_IN_DRAWINGS = f"""(() => {{
  {_NAME}
  return [...document.querySelectorAll('svg text')].filter(t => {{
    const box = t.getBoundingClientRect(), all = t.ownerSVGElement.getBoundingClientRect();
    return box.width > 0 && (box.left < all.left - 1 || box.right > all.right + 1
      || box.top < all.top - 1 || box.bottom > all.bottom + 1);
  }}).map(name);
}})()"""

_LIST = """
const controls = [...document.querySelectorAll('a[href], button, input, select, textarea, summary')]
  .filter(e => e.checkVisibility({visibilityProperty: true}) && !e.disabled);
"""

CONTROLS = f"(() => {{ {_NAME} {_LIST} return controls.map(name); }})()"

# which control has the focus, and whether that can be seen
FOCUSED = f"""(() => {{
  {_LIST}
  const e = document.activeElement, style = getComputedStyle(e);
  return [controls.indexOf(e), style.outlineStyle !== 'none' || style.boxShadow !== 'none'];
}})()"""

HIDDEN_IN_PRINT = f"""(() => {{
  {_NAME}
  return [...document.querySelectorAll('details > :not(summary)')]
    .filter(e => !e.closest('.no-print'))
    .filter(e => !e.checkVisibility() || (e.textContent.trim() && e.getBoundingClientRect().height === 0)).map(name);
}})()"""
