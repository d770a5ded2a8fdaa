"""What the report's parts are written with: the style of the page, numbers and tables."""
import html

CSS = """
:root{color-scheme:light}*{box-sizing:border-box}
body{font:15px/1.5 Georgia,"Times New Roman",serif;color:#111;background:#fff;max-width:1060px;margin:0 auto;padding:28px 24px 60px}
h1,h2,h3,table,.label,figcaption,.legend,.box,svg text{font-family:"Helvetica Neue",Helvetica,Arial,"Liberation Sans","DejaVu Sans",sans-serif}
h1{font-size:26px;margin:0 0 2px}h2{font-size:19px;margin:34px 0 8px;border-bottom:2px solid #111;padding-bottom:3px}p{margin:8px 0;max-width:78ch}
.sub{color:#444;margin-top:0}.box{border:1px solid #999;border-left:6px solid #0b5394;padding:10px 16px;margin:14px 0;font-size:15px}
.box.warn{border-left-color:#b45f06}.box p{margin:5px 0;max-width:none}.big{display:flex;flex-wrap:wrap;gap:12px;margin:16px 0}
.big div{flex:1 1 150px;border:1px solid #bbb;padding:10px 12px;font-family:Helvetica,Arial,"Liberation Sans",sans-serif}
.big b{display:block;font-size:23px;line-height:1.25}.big span{color:#444;font-size:12.5px;line-height:1.3;display:block}
table{border-collapse:collapse;font-size:13px;margin:10px 0;width:100%}th,td{padding:4px 9px;text-align:right;border-bottom:1px solid #ccc;vertical-align:top}
th{border-bottom:1.5px solid #111;font-weight:600}th:first-child,td:first-child{text-align:left}td.text{text-align:left}caption{text-align:left;font-weight:600;padding:4px 0}
.two{display:grid;grid-template-columns:1fr 1fr;gap:18px}figure{margin:12px 0;break-inside:avoid;max-width:800px}figcaption{font-weight:600;font-size:13.5px;margin-bottom:2px}
svg{width:100%;height:auto;display:block}svg text{font-size:12px;fill:#222}svg .label{font-size:12.5px;fill:#111}.grid{stroke:#e2e2e2;stroke-width:1}
.axis{stroke:#111;fill:none;stroke-width:1.3}.band{fill:#0b5394;opacity:.16}.limit{stroke:#a61c00;stroke-width:1.3;stroke-dasharray:5 3}
svg .limit-text{fill:#a61c00;font-size:11.5px}.legend{font-size:12.5px;display:flex;flex-wrap:wrap;gap:4px 18px;padding-left:8%}.legend span{display:flex;align-items:center;gap:6px}
.key{width:34px;height:10px;display:inline-block}.note{color:#444;font-size:13px}.refused{color:#7a1500}
dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 16px;font-size:13.5px;margin:8px 0}dt{font-weight:600}dd{margin:0}
@media(max-width:760px){.two{grid-template-columns:1fr}}
@media print{@page{margin:14mm}body{font-size:10.5pt;padding:0;max-width:none}h2{break-after:avoid}table,.box,.big{break-inside:avoid}.two{gap:10px}}
"""


def esc(value):
    return html.escape(str(value))


def count(value):
    return f"{value:,.0f}"


def ms(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def share(value):
    return f"{value * 100:.0f} %"


def spread(value, form=count):
    if value["min"] == value["max"]:
        return form(value["median"])
    return f"{form(value['median'])} <span class=note>({form(value['min'])} .. {form(value['max'])})</span>"


def us(value):
    return f"{value:.1f}"


def table(caption, head, rows):
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    top = f"<tr>{''.join(f'<th>{h}</th>' for h in head)}</tr>" if any(head) else ""
    return f"<table><caption>{caption}</caption>{top}{body}</table>"
